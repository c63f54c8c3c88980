//! Politeness across processes: crawlers that die, freeze and come late share one clock for a host.
//!
//! In: URLs of a site that is asked with a delay. Out: when its requests came, measured at the site.
//! `FULL_POLITENESS=1` runs it at its full size: 60 URLs, a second apart.

use std::time::{Duration, Instant};

use testkit::{FakeSite, Role, RoleOptions, TestNats, eventually, eventually_within, run};

use crate::mill::SPEECHMILL;
use crate::pages::{html, speech};

/// How much there is to crawl, how politely.
#[derive(Clone, Copy)]
struct Scale {
    urls: usize,
    delay: Duration,
    frozen: Duration,
}

impl Scale {
    fn of_test() -> Self {
        let is_full = std::env::var_os("FULL_POLITENESS").is_some();
        let (urls, delay, frozen) = if is_full {
            (60, 1_000, 5)
        } else {
            (20, 500, 3)
        };
        Self {
            urls,
            delay: Duration::from_millis(delay),
            frozen: Duration::from_secs(frozen),
        }
    }

    /// As long as it takes at the most, with all that is lost to the dead and the frozen.
    fn limit(self) -> Duration {
        self.delay * u32::try_from(self.urls * 2).unwrap() + Duration::from_secs(30)
    }
}

/// Crawlers and a broker, and no other role.
struct Crawl {
    nats: TestNats,
    delay: Duration,
}

impl Crawl {
    async fn start(delay: Duration) -> Self {
        let nats = TestNats::start().await;
        Self { nats, delay }
    }

    fn options<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> RoleOptions {
        RoleOptions::new(SPEECHMILL, args)
            .nats(&self.nats)
            .env("SPEECHMILL_ALLOW_ADDRESS", "127.0.0.0/8")
            .env("SPEECHMILL_ACK_WAIT", "2s")
            .env("SPEECHMILL_PAGES_MAX_MIB", "64")
            .env("SPEECHMILL_DELAY", format!("{}ms", self.delay.as_millis()))
    }

    async fn crawler(&self) -> Role {
        let mut role = Role::spawn(&self.options(["crawler"]));
        role.wait_ready().await;
        role
    }

    async fn command(&self, args: &[&str], stdin: &str) -> String {
        let output = run(&self.options(args.iter().copied()), stdin).await;
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    async fn submit(&self, urls: &[String]) {
        self.command(&["submit", "-"], &urls.join("\n")).await;
    }

    /// How many messages of a stream's subjects there are.
    async fn count(&self, stream: &str, subjects: &str) -> Option<usize> {
        let client = async_nats::connect(self.nats.url()).await.ok()?;
        let context = async_nats::jetstream::new(client);
        let stream = context.get_stream(stream).await.ok()?;
        let info = stream.info_with_subjects(subjects).await.ok()?;
        let mut info = std::pin::pin!(info);
        let mut number = 0;
        while let Some(subject) = futures_util::StreamExt::next(&mut info).await {
            number += subject.ok()?.1;
        }
        Some(number)
    }

    /// How often a record of a host was written.
    async fn num_host_writes(&self) -> u64 {
        let client = async_nats::connect(self.nats.url()).await.unwrap();
        let context = async_nats::jetstream::new(client);
        let hosts = context.get_stream("KV_hosts").await.unwrap();
        hosts.cached_info().state.last_sequence
    }

    async fn pages_arrive(&self, number: usize, limit: Duration) {
        eventually_within("all pages arrive", limit, async || {
            (self.count("PAGES", "page.fetched.*").await? == number).then_some(())
        })
        .await;
    }
}

/// A site of so many speeches, and their URLs.
async fn site(addr: &str, number: usize) -> (FakeSite, Vec<String>) {
    let site = FakeSite::start_on(addr).await;
    let urls = (0..number).map(|n| {
        let path = format!("/{n}.html");
        site.page(&path, html(&speech(n)));
        site.url(&path)
    });
    let urls = urls.collect();
    (site, urls)
}

/// The gaps between a site's requests, of any kind.
fn gaps(site: &FakeSite) -> Vec<Duration> {
    let mut times: Vec<Instant> = site.requests().iter().map(|request| request.at).collect();
    times.sort_unstable();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn is_polite(site: &FakeSite, delay: Duration) {
    let gaps = gaps(site);
    let smallest = gaps.iter().min().copied().unwrap_or(delay);
    println!(
        "{}: {} requests, smallest gap {smallest:?}",
        site.host(),
        gaps.len() + 1
    );
    assert!(smallest >= delay.mul_f64(0.9), "{smallest:?} of {gaps:?}");
}

/// Waits until the site was asked for so many of its pages.
async fn is_asked(site: &FakeSite, number: usize, limit: Duration) {
    eventually_within(
        &format!("{number} pages are asked for"),
        limit,
        async || {
            let requests = site.requests();
            let pages = requests.iter().filter(|it| it.path != "/robots.txt");
            (pages.count() >= number).then_some(())
        },
    )
    .await;
}

#[tokio::test]
async fn crawlers_that_die_freeze_and_come_late_keep_one_pace() {
    let scale = Scale::of_test();
    let crawl = Crawl::start(scale.delay).await;
    let (site, urls) = site("127.0.0.1:0", scale.urls).await;
    let (mut first, frozen) = (crawl.crawler().await, crawl.crawler().await);
    crawl.submit(&urls).await;
    is_asked(&site, scale.urls / 5, scale.limit()).await;
    first.kill9().await;
    let _third = crawl.crawler().await;
    is_asked(&site, scale.urls / 3, scale.limit()).await;
    frozen.pause();
    let until = Instant::now() + scale.frozen;
    eventually("the frozen one has been frozen for long", async || {
        (Instant::now() > until).then_some(())
    })
    .await;
    frozen.resume();
    is_asked(&site, scale.urls / 2, scale.limit()).await;
    let _fourth = crawl.crawler().await;
    crawl.pages_arrive(scale.urls, scale.limit()).await;
    is_polite(&site, scale.delay);
}

#[tokio::test]
async fn a_backlog_that_is_overdue_at_once_keeps_the_pace() {
    let scale = Scale::of_test();
    let crawl = Crawl::start(scale.delay).await;
    let (site, urls) = site("127.0.0.1:0", scale.urls).await;
    let mut crawlers = Vec::new();
    for _ in 0..3 {
        crawlers.push(crawl.crawler().await);
    }
    crawl.submit(&urls).await;
    // Each one is asked for, held, or deferred: nothing is left to be pulled.
    eventually("many are deferred", async || {
        (crawl.count("CRAWL", "crawl.later.*").await? >= scale.urls / 4).then_some(())
    })
    .await;
    for mut crawler in crawlers {
        crawler.kill9().await;
    }
    eventually_within("all are due at once", scale.limit(), async || {
        (crawl.count("CRAWL", "crawl.later.*").await? == 0).then_some(())
    })
    .await;
    assert!(crawl.count("CRAWL", "crawl.request.*").await >= Some(scale.urls / 4));
    let mut crawlers = Vec::new();
    for _ in 0..3 {
        crawlers.push(crawl.crawler().await);
    }
    crawl.pages_arrive(scale.urls, scale.limit()).await;
    is_polite(&site, scale.delay);
}

/// The most memory that a process had so far; `None` where the system does not say.
fn peak_mib(role: &Role) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", role.pid()?)).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024)
}

/// Sites on addresses of their own, with so many pages each.
async fn sites(number: usize, pages: usize) -> (Vec<FakeSite>, Vec<String>) {
    let (mut sites, mut urls) = (Vec::new(), Vec::new());
    for n in 0..number {
        let (site, of_site) = site(&format!("127.0.1.{}:0", n + 1), pages).await;
        sites.push(site);
        urls.extend(of_site);
    }
    (sites, urls)
}

#[tokio::test]
async fn many_hosts_at_once_take_as_long_as_the_longest_of_them() {
    let scale = Scale::of_test();
    let (hosts, pages) = (50, scale.urls / 4);
    let crawl = Crawl::start(scale.delay).await;
    let (sites, urls) = sites(hosts, pages).await;
    let _crawlers = (crawl.crawler().await, crawl.crawler().await);
    crawl.submit(&urls).await;
    let began = Instant::now();
    crawl.pages_arrive(urls.len(), scale.limit()).await;
    let took = began.elapsed();
    // One more for the robots.txt.
    let ideal = scale.delay * u32::try_from(pages + 1).unwrap();
    println!(
        "{} pages of {hosts} hosts: {took:?}, ideal {ideal:?}",
        urls.len()
    );
    for site in &sites {
        is_polite(site, scale.delay);
    }
    assert!(took < ideal * 3 + Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_slow_host_with_a_long_queue_keeps_no_other_waiting() {
    let scale = Scale::of_test();
    let many = if scale.urls == 60 { 10_000 } else { 1_000 };
    let crawl = Crawl::start(scale.delay).await;
    let (slow, slow_urls) = site("127.0.0.1:0", many).await;
    let (quick, quick_urls) = site("127.0.0.2:0", 3).await;
    crawl.submit(&slow_urls).await;
    crawl.submit(&quick_urls).await;
    let crawler = crawl.crawler().await;
    is_asked(&slow, 1, scale.limit()).await;
    let began = Instant::now();
    is_asked(&quick, 3, scale.limit()).await;
    let (took, mib) = (began.elapsed(), peak_mib(&crawler));
    println!("behind {many} URLs of a slow host: {took:?}, with {mib:?} MiB");
    assert!(mib.is_none_or(|mib| mib < 150), "{mib:?} MiB");
    assert!(took < Duration::from_secs(10), "{took:?}");
    let num_writes = crawl.num_host_writes().await;
    println!("{num_writes} writes");
    assert!(num_writes < many as u64 / 2, "{num_writes} writes");
    is_polite(&slow, scale.delay);
    is_polite(&quick, scale.delay);
}
