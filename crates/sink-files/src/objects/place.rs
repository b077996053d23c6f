//! The names of the parts.

use logmill_model::HourPath;
use logmill_store::below;

/// The folder of an hour: `logs/[<customer>/]YYYY-MM-DD/HH`. None for an hour that has no name.
pub(crate) fn hour(prefix: &str, customer: Option<&str>, hour: u32) -> Option<String> {
    let hour = HourPath::new(hour)?;
    let customer = customer.map(|customer| format!("{customer}/")).unwrap_or_default();
    Some(below(prefix, &format!("logs/{customer}{}/{}", hour.date(), hour.hour())))
}
