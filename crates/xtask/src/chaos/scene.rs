//! What is found where not all came to its end: the consumers as each node tells of them, and the last
//! lines of the logs of the roles. In words, for whoever looks for the cause.

use serde_json::{Value, json};
use worker::topology::CONSUMERS;

use super::wire;
use super::world::World;

const LINES: usize = 8;

/// The scene, line by line.
pub(super) async fn of(world: &World) -> Vec<String> {
    let mut lines = Vec::new();
    for consumer in CONSUMERS {
        let (stream, name) = (consumer.stream.name, consumer.name);
        let subject = format!("$JS.API.CONSUMER.INFO.{stream}.{name}");
        let mut told: Vec<String> = Vec::new();
        for address in world.nodes.addresses() {
            let asked = wire::ask_jetstream(&address, &subject, b"").await;
            let line = match asked {
                Ok(info) => state(&info).to_string(),
                Err(error) => format!("{error:#}"),
            };
            if !told.contains(&line) {
                lines.push(format!("{stream}/{name}: {line}"));
                told.push(line);
            }
        }
    }
    for slot in &world.roles {
        lines.push(format!("the last lines of {}:", slot.name));
        let log = slot.role.log_tail();
        let log: Vec<&str> = log.lines().collect();
        let last = &log[log.len().saturating_sub(LINES)..];
        lines.extend(last.iter().map(|line| format!("  {line}")));
    }
    lines
}

/// What tells why a message does not come.
fn state(info: &Value) -> Value {
    let names = [
        "created",
        "delivered",
        "ack_floor",
        "num_pending",
        "num_ack_pending",
        "num_redelivered",
        "num_waiting",
        "priority_groups",
        "cluster",
    ];
    let mut state = json!({});
    for name in names {
        if !info[name].is_null() {
            state[name] = info[name].clone();
        }
    }
    state
}
