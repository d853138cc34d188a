//! What came out, as ratios to gantry where gantry was measured.

use std::time::Duration;

use super::measure::Row;

pub(super) fn print(rows: &[Row], services: usize, rounds: usize) {
    let own = rows.iter().find(|row| row.name == "gantry");
    println!(
        "\n{services} services, median of {rounds}; in parentheses: how many times gantry's\n"
    );
    println!(
        "{:<12} {:>18} {:>18} {:>18} {:>18} {:>18}",
        "", "up", "status", "exit to restart", "down", "memory"
    );
    for row in rows {
        let cells = [
            time(Some(row.up), own.map(|own| own.up)),
            time(row.status, own.and_then(|own| own.status)),
            time(row.restart, own.and_then(|own| own.restart)),
            time(Some(row.down), own.map(|own| own.down)),
            memory(row.memory, own.map(|own| own.memory)),
        ];
        let cells = cells.map(|cell| format!("{cell:>18}")).join(" ");
        println!("{:<12} {cells}", row.name);
    }
}

fn time(value: Option<Duration>, own: Option<Duration>) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let shown = format!("{:.1} ms", value.as_secs_f64() * 1_000.0);
    match own {
        Some(own) if !own.is_zero() => {
            format!("{shown} ({:.2})", value.as_secs_f64() / own.as_secs_f64())
        }
        _ => shown,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "kibibytes of memory fit into 52 bits"
)]
fn memory(value: u64, own: Option<u64>) -> String {
    let shown = format!("{:.1} MB", value as f64 / 1_024.0);
    match own {
        Some(own) if own > 0 => format!("{shown} ({:.2})", value as f64 / own as f64),
        _ => shown,
    }
}
