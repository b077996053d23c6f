mod merges;
mod rig;
mod summaries;
