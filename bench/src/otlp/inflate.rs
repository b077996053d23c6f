//! What inflating costs by itself.

use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;

use crate::per_cpu_second;
use crate::server::cpu_of;

/// Records a CPU-second of inflating these bodies into memory that is used again.
pub(crate) fn rate(bodies: &[Vec<u8>], records: u64) -> f64 {
    let (mut out, mut inflated) = (Vec::new(), 0);
    let before = cpu_of("self");
    loop {
        for body in bodies {
            out.clear();
            GzDecoder::new(&body[..]).read_to_end(&mut out).expect("the body inflates");
            inflated += records;
        }
        let cpu = cpu_of("self").minus(before).all();
        if cpu > Duration::from_secs(2) {
            return per_cpu_second(inflated, cpu);
        }
    }
}
