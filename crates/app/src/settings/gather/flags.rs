//! Flags.

use super::super::catalogue::Catalogue;
use super::super::kind::{Raw, Scalar};
use super::super::problem::{Fault, Origin, quoted};
use super::super::{Flag, suggest};
use super::{Gathered, Layer};

pub(super) fn gather(catalogue: Catalogue, flags: &[Flag], gathered: &mut Gathered) {
    for flag in flags {
        let origin = Origin::Flag(flag.typed.clone());
        match (catalogue.find(&flag.name), &flag.value) {
            (Some(setting), Some(value)) => {
                gathered.assign(setting, Raw::One(Scalar::argument(value)), Layer::Flag, origin);
            }
            (Some(setting), None) => {
                let advice = format!("write --set {}=value", setting.name);
                gathered.problem(&origin, Some(setting.name), Fault::new("has no value", advice));
            }
            (None, _) => gathered.problem(&origin, None, unknown(catalogue, &flag.name)),
        }
    }
}

fn unknown(catalogue: Catalogue, name: &str) -> Fault {
    let advice = match suggest::setting(catalogue, name) {
        Some(setting) => format!("did you mean {}?", setting.name),
        None => "see `logmill config explain` for all settings".to_owned(),
    };
    Fault::new(format!("{} is not a setting", quoted(name)), advice)
}
