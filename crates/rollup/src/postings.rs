//! Counts of one key by minute of an hour.

/// Records of one minute, 0 to 59.
pub type Posting = (u8, u64);

/// Most keys come up in one minute of a range only, which needs no further memory.
#[derive(Clone, Debug)]
pub(crate) struct Postings {
    last: Posting,
    before: Vec<Posting>,
}

impl Postings {
    pub(crate) fn one(minute: u8) -> Self {
        Self { last: (minute, 1), before: Vec::new() }
    }

    #[inline]
    pub(crate) fn add(&mut self, minute: u8) {
        if self.last.0 == minute {
            self.last.1 += 1;
            return;
        }
        self.add_elsewhere(minute);
    }

    fn add_elsewhere(&mut self, minute: u8) {
        if let Some((_, count)) = self.before.iter_mut().find(|(known, _)| *known == minute) {
            *count += 1;
            return;
        }
        self.before.push(self.last);
        self.last = (minute, 1);
    }

    /// All of them, ascending by minute.
    pub(crate) fn sorted(&self, out: &mut Vec<Posting>) {
        out.clear();
        out.extend_from_slice(&self.before);
        out.push(self.last);
        out.sort_unstable();
    }
}

/// Adds `more` to `sum`; both ascend by minute.
pub(crate) fn add(sum: &mut Vec<Posting>, more: &[Posting]) {
    let mut from = 0;
    for &(minute, count) in more {
        let rest = sum.get(from..).unwrap_or_default();
        let at = from + rest.partition_point(|(known, _)| *known < minute);
        match sum.get_mut(at) {
            Some((known, total)) if *known == minute => *total = total.saturating_add(count),
            _ => sum.insert(at, (minute, count)),
        }
        from = at + 1;
    }
}
