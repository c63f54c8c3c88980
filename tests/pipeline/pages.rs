//! Pages of a made-up library.

use testkit::Reply;

/// A speech with menus, a share bar and related links around it.
pub(crate) fn speech(number: usize) -> String {
    let topic = ["河道治理", "社区养老", "粮食生产", "校园安全", "冬季供暖"][number % 5];
    let paragraph = |n| {
        format!(
            "<p>第{n}条线索来自第{number}号调研点。各单位要把{topic}放在心上,逐项列出清单,\
             明确责任人和完成时限,每周通报进展;对进度落后的,由分管同志当面约谈,帮助查找原因,\
             不让问题过夜,不让群众多跑一趟路。</p>"
        )
    };
    let paragraphs = (1..=6).map(paragraph).collect::<Vec<_>>().concat();
    page(
        &format!("在全县{topic}工作第{number}次推进会上的讲话"),
        &format!("<p>同志们:</p>{paragraphs}<p>谢谢大家。</p>"),
    )
}

pub(crate) fn page(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>{title}-青石文库</title></head><body>\
         <div class=\"nav\"><a href=\"/\">首页</a><a href=\"/l.html\">领导讲话</a><a href=\"/v.html\">会员</a></div>\
         <div class=\"main\"><h1>{title}</h1><div class=\"info\">发布时间:2024-03-05 08:30:00 浏览次数:128</div>\
         <div class=\"content\">{body}</div></div>\
         <div class=\"share\">分享到:<a href=\"#\">微信</a><a href=\"#\">微博</a></div>\
         <div class=\"footer\"><a href=\"/about.html\">关于我们</a> 版权所有 青石文库</div></body></html>"
    )
}

/// A list of links to details.
pub(crate) fn list(paths: &[&str]) -> String {
    let item = |(number, path)| {
        format!(
            "<li><a href=\"{path}\">在全县第{number}次工作推进会上的讲话</a><span>2024-03-05</span></li>"
        )
    };
    let items = paths
        .iter()
        .enumerate()
        .map(item)
        .collect::<Vec<_>>()
        .concat();
    page("领导讲话", &format!("<ul class=\"list\">{items}</ul>"))
}

pub(crate) fn html(text: &str) -> Reply {
    Reply::bytes("text/html; charset=utf-8", text.as_bytes())
}
