//! A build without SQL.

use crate::cli::QueryArgs;
use crate::exit::{CONFIG, Failure};
use crate::settings::Settings;

pub(crate) fn run(_: &Settings, _: &QueryArgs) -> anyhow::Result<()> {
    let text =
        "query: SQL is not in this build; build it with the cargo feature `query`, which is on by default";
    Err(Failure::new(CONFIG, text).into())
}
