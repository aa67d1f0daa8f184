//! What it runs on.

use std::fs;

/// Processor, cores, kernel.
pub fn description() -> String {
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!("machine: {processor}, {cores} cores, Linux {}, load before {load}", kernel.trim())
}

/// The resident memory of a process in MiB.
pub fn resident_mib(process: u32) -> f64 {
    let text = field(&format!("/proc/{process}/status"), "VmRSS");
    let kib = text.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim().to_owned())
}
