//! What came out, as a table for people and for Markdown.

use std::time::Duration;

use super::floor;
use super::measure::Row;

/// Print the table. `up` is told in floors, everything else in gantries.
pub(super) fn print(rows: &[Row], services: usize, rounds: usize) {
    let own = rows.iter().find(|row| row.name == "gantry");
    let floor = rows.iter().find(|row| row.name == floor::NAME);
    println!("\n{services} services, medians of {rounds} rounds.");
    println!("In parentheses: `up` in floors, everything else in times of gantry's.\n");
    let head = [
        "",
        "up",
        "status",
        "exit to restart",
        "down",
        "memory",
        "manager killed, 10 run",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    for row in rows {
        lines.push([
            row.name.to_owned(),
            time(Some(row.up), floor.map(|floor| floor.up)),
            time(row.status, own.and_then(|own| own.status)),
            time(row.restart, own.and_then(|own| own.restart)),
            time(Some(row.down), own.map(|own| own.down)),
            memory(row.memory, own.map(|own| own.memory)),
            row.killed.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            lines
                .iter()
                .map(|line| line[column].len())
                .max()
                .unwrap_or(0)
        })
        .collect();
    for (number, line) in lines.iter().enumerate() {
        let cells = line.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        println!("| {} |", cells.join(" | "));
        if number == 0 {
            let rules: Vec<_> = widths.iter().map(|width| "-".repeat(*width)).collect();
            println!("|-{}-|", rules.join("-|-"));
        }
    }
}

fn time(value: Option<Duration>, unit: Option<Duration>) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    let shown = format!("{:.1} ms", value.as_secs_f64() * 1_000.0);
    match unit {
        Some(unit) if !unit.is_zero() => {
            format!("{shown} ({:.2})", value.as_secs_f64() / unit.as_secs_f64())
        }
        _ => shown,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "kibibytes of memory fit into 52 bits"
)]
fn memory(value: u64, unit: Option<u64>) -> String {
    let shown = format!("{:.1} MB", value as f64 / 1_024.0);
    match unit {
        Some(unit) if unit > 0 => format!("{shown} ({:.2})", value as f64 / unit as f64),
        _ => shown,
    }
}
