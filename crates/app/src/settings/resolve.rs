//! From what the sources say to one value for each setting.

use std::collections::BTreeSet;

use super::Loaded;
use super::catalogue::{Catalogue, Fallback, Machine, Setting};
use super::gather::{Assignment, Gathered, Layer};
use super::kind::{Accepted, Raw, Scalar, accept};
use super::problem::{self, Fault, Origin, Problem, quoted};
use super::rules;
use super::tree::Settings;

/// Stands for a value that must not be printed.
const MASK: &str = "********";

/// A value and where it came from, as `explain` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Explained {
    /// The setting.
    pub(crate) name: &'static str,
    /// The value as text, a secret masked; none where nobody sets one and the default is no value.
    pub(crate) value: Option<String>,
    /// Where it came from.
    pub(crate) origin: Origin,
    /// What the default is, where it is not simply a value.
    pub(crate) note: Option<&'static str>,
}

/// Decides each setting, then the rules between them.
pub(super) fn resolve(
    catalogue: Catalogue,
    machine: Machine,
    gathered: Gathered,
) -> Result<Loaded, Vec<Problem>> {
    let mut resolver = Resolver::new(gathered.problems);
    // Defaults that are made from other settings come after all others.
    let (plain, computed): (Vec<_>, Vec<_>) =
        catalogue.all().partition(|setting| !matches!(setting.default, Fallback::Computed { .. }));
    for setting in plain.into_iter().chain(computed) {
        resolver.decide(setting, &gathered.assignments, machine);
    }
    // With half a file it is not known what the settings would be together.
    if !gathered.is_file_broken {
        resolver.check_rules();
    }
    resolver.finish(catalogue, gathered.notices, gathered.file)
}

struct Resolver {
    settings: Settings,
    values: Vec<Explained>,
    problems: Vec<Problem>,
    /// Settings whose value is not known.
    bad: BTreeSet<&'static str>,
}

impl Resolver {
    fn new(problems: Vec<Problem>) -> Self {
        Self { settings: Settings::blank(), values: Vec::new(), problems, bad: BTreeSet::new() }
    }

    /// All values of all sources are checked, also those that a stronger source hides.
    fn decide(&mut self, setting: &'static Setting, assignments: &[Assignment], machine: Machine) {
        let mine = assignments.iter().filter(|assignment| assignment.setting.name == setting.name);
        let mut good: Vec<(&Assignment, Accepted)> = Vec::new();
        for assignment in mine {
            match accept(setting, &assignment.raw) {
                Ok(accepted) => good.push((assignment, accepted)),
                Err(faults) => self.faults(setting, &assignment.origin, faults),
            }
        }
        good.sort_by_key(|(assignment, _)| assignment.layer);
        self.conflicts(setting, &good);
        match good.pop() {
            Some((assignment, accepted)) => self.set(setting, &accepted, &assignment.origin),
            None => self.fall_back(setting, machine),
        }
    }

    fn faults(&mut self, setting: &'static Setting, origin: &Origin, faults: Vec<Fault>) {
        self.bad.insert(setting.name);
        self.problems.extend(faults.into_iter().map(|fault| fault.of(origin, Some(setting.name))));
    }

    /// Sources that ought not to disagree: an alias with anything, and two of the same strength with each
    /// other.
    fn conflicts(&mut self, setting: &'static Setting, good: &[(&Assignment, Accepted)]) {
        for (index, (weaker, value)) in good.iter().enumerate() {
            let stronger = good.iter().skip(index + 1).rev();
            let mut clashing = stronger.filter(|(other, against)| {
                let is_alias = [weaker.layer, other.layer].contains(&Layer::Alias);
                let is_tie = weaker.layer == other.layer && weaker.layer != Layer::File;
                (is_alias || is_tie) && value.text != against.text
            });
            // One problem for each value is enough: with the strongest that says something else.
            if let Some((other, against)) = clashing.next() {
                let fault = disagreement(setting, value, (other, against));
                self.faults(setting, &weaker.origin, vec![fault]);
            }
        }
    }

    fn set(&mut self, setting: &'static Setting, accepted: &Accepted, origin: &Origin) {
        accepted.apply(&mut self.settings);
        self.values.push(Explained {
            name: setting.name,
            value: Some(masked(setting, &accepted.text)),
            origin: origin.clone(),
            note: None,
        });
    }

    fn fall_back(&mut self, setting: &'static Setting, machine: Machine) {
        let (text, note) = match setting.default {
            Fallback::Text(text) => (Some(text.to_owned()), None),
            Fallback::Computed { says, text, .. } => (Some(text(&self.settings, &machine)), Some(says)),
            Fallback::Unset { says, .. } => (None, Some(says)),
        };
        // Where a setting is bad, its default stands in for it, so that the rest can be decided.
        match text.as_ref().map(|text| accept(setting, &Raw::One(Scalar::argument(text)))) {
            Some(Ok(accepted)) => accepted.apply(&mut self.settings),
            Some(Err(faults)) => self.faults(setting, &Origin::Default, faults),
            None => {}
        }
        let value = text.map(|text| masked(setting, &text));
        self.values.push(Explained { name: setting.name, value, origin: Origin::Default, note });
    }

    /// A rule is blamed on the first of its settings that somebody set, since defaults agree with each other.
    fn check_rules(&mut self) {
        for rule in rules::RULES {
            if rule.settings.iter().any(|name| self.bad.contains(name)) {
                continue;
            }
            let Some(fault) = (rule.check)(&self.settings) else { continue };
            let values =
                || rule.settings.iter().filter_map(|n| self.values.iter().find(|value| value.name == *n));
            let blamed = values().find(|value| value.origin != Origin::Default).or_else(|| values().next());
            let problem = blamed.map(|value| fault.of(&value.origin, Some(value.name)));
            self.problems.extend(problem);
        }
    }

    fn finish(
        mut self,
        catalogue: Catalogue,
        notices: Vec<String>,
        file: Option<std::path::PathBuf>,
    ) -> Result<Loaded, Vec<Problem>> {
        if !self.problems.is_empty() {
            problem::sort(&mut self.problems);
            return Err(self.problems);
        }
        self.values.sort_by_key(|value| catalogue.all().position(|setting| setting.name == value.name));
        Ok(Loaded { settings: self.settings, provenance: self.values, notices, file })
    }
}

/// Secrets leave this module only inside the tree.
fn masked(setting: &Setting, text: &str) -> String {
    if setting.secret && !text.is_empty() { MASK.to_owned() } else { text.to_owned() }
}

fn disagreement(setting: &Setting, value: &Accepted, (other, against): (&Assignment, &Accepted)) -> Fault {
    let place = &other.origin;
    let wrong = if setting.secret {
        format!("is not what {place} says")
    } else {
        format!("is {} here and {} in {place}", quoted(&value.text), quoted(&against.text))
    };
    Fault::new(wrong, "remove one of them")
}
