//! The settings file: which one it is, and what it says.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use super::super::catalogue::{Catalogue, Setting};
use super::super::kind::{Raw, Scalar, allowed};
use super::super::problem::{Fault, Origin, Spot, quoted};
use super::super::yaml::{self, Entry, Node};
use super::super::{Sources, suggest};
use super::{CONFIG, Gathered, Layer, MAX_FILE_BYTES, text_of};

/// The file in the working folder.
const HERE: &str = "./logmill.yaml";
/// The file below the home folder.
const AT_HOME: &str = ".config/logmill/config.yaml";

pub(super) fn gather(catalogue: Catalogue, sources: &Sources<'_>, gathered: &mut Gathered) {
    let Some((path, bytes)) = find(sources) else { return };
    let origin = Origin::File(path.clone(), None);
    match text_of(bytes) {
        Ok(text) => Reader { catalogue, path: path.clone(), gathered }.read(&text),
        Err(fault) => {
            gathered.is_file_broken = true;
            gathered.problem(&origin, None, fault);
        }
    }
    gathered.file = Some(path);
}

/// The file that is named, which then must be there, or else the first that is there.
fn find(sources: &Sources<'_>) -> Option<(PathBuf, io::Result<Vec<u8>>)> {
    let variable = |name: &str| {
        let found = sources.environment.iter().find(|(key, _)| key.to_str() == Some(name));
        found.map(|(_, value)| PathBuf::from(value)).filter(|path| !path.as_os_str().is_empty())
    };
    let read = |path: PathBuf| {
        let bytes = sources.files.read(&path, MAX_FILE_BYTES);
        (path, bytes)
    };
    let is_there = |(_, bytes): &(PathBuf, io::Result<Vec<u8>>)| {
        let absent = |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        !bytes.as_ref().is_err_and(|error| absent(error.kind()))
    };
    let named = sources.config.clone().or_else(|| variable(CONFIG));
    let home = variable("HOME").map(|home| home.join(AT_HOME));
    let usual = || [Some(PathBuf::from(HERE)), home].into_iter().flatten().map(read).find(is_there);
    named.map(read).or_else(usual)
}

struct Reader<'a> {
    catalogue: Catalogue,
    path: PathBuf,
    gathered: &'a mut Gathered,
}

impl Reader<'_> {
    fn read(mut self, text: &str) {
        let document = yaml::read(text);
        self.gathered.is_file_broken = document.broken;
        for fault in document.faults {
            self.fault(None, fault);
        }
        match document.root {
            None | Some(Node::Refused(_)) => {}
            Some(Node::Scalar(scalar)) if scalar.is_null() => {}
            Some(Node::Map(entries, _)) => self.section("", &entries),
            Some(other) => {
                let fault = Fault::new(format!("{} stands alone", other.describe()), "write name: value");
                self.fault(None, fault.at(other.spot()));
            }
        }
    }

    /// Every problem in a file has a place; the path alone is the place of what has none.
    fn fault(&mut self, setting: Option<&'static str>, fault: Fault) {
        let origin = Origin::File(self.path.clone(), None);
        self.gathered.problem(&origin, setting, fault);
    }

    fn section(&mut self, section: &str, entries: &[Entry]) {
        let mut seen: HashMap<&str, Spot> = HashMap::new();
        for entry in entries {
            let name =
                if section.is_empty() { entry.key.clone() } else { format!("{section}.{}", entry.key) };
            if let Some(first) = seen.insert(&entry.key, entry.spot) {
                let wrong = format!("{} is there twice, first in line {}", quoted(&name), first.line);
                self.fault(None, Fault::new(wrong, "remove one of them").at(entry.spot));
            }
            // What is there twice is still checked both times.
            self.entry(&name, entry);
        }
    }

    fn entry(&mut self, name: &str, entry: &Entry) {
        // A dot inside a key would make two ways to write one setting.
        let setting = self.catalogue.find(name).filter(|_| !entry.key.contains('.'));
        let is_section = self.catalogue.sections().any(|section| section == name) && !entry.key.contains('.');
        match setting {
            Some(setting) => self.value(setting, entry),
            None if is_section => self.known_section(name, entry),
            None => self.unknown(name, entry),
        }
    }

    fn value(&mut self, setting: &'static Setting, entry: &Entry) {
        let raw = match &entry.value {
            Node::Scalar(scalar) => Some(Raw::One(scalar.clone())),
            Node::List(nodes, _) => scalars(nodes).map(Raw::Many),
            Node::Map(..) => None,
            Node::Refused(_) => return,
        };
        let spot = entry.value.spot();
        match raw {
            Some(raw) => {
                let origin = Origin::File(self.path.clone(), Some(spot));
                self.gathered.assign(setting, raw, Layer::File, origin);
            }
            None => {
                let inner = nested(&entry.value);
                let wrong = format!("{} stands where a value belongs", inner.describe());
                let fault = Fault::new(wrong, format!("allowed: {}", allowed(setting)));
                self.fault(Some(setting.name), fault.at(inner.spot()));
            }
        }
    }

    /// A section without anything in it is one whose settings are all commented out.
    fn known_section(&mut self, name: &str, entry: &Entry) {
        match &entry.value {
            Node::Map(entries, _) => self.section(name, entries),
            Node::Scalar(scalar) if scalar.is_null() => {}
            Node::Refused(_) => {}
            other => {
                let wrong = format!("{} is a section, not {}", quoted(name), other.describe());
                let advice = "write its settings below it, indented, each as name: value";
                self.fault(None, Fault::new(wrong, advice).at(other.spot()));
            }
        }
    }

    /// Inside a section that is only misspelled the reading goes on, so that its problems are reported as
    /// well.
    fn unknown(&mut self, name: &str, entry: &Entry) {
        let section = suggest::section(self.catalogue, name);
        match (&entry.value, section) {
            (Node::Map(entries, _), Some(section)) => {
                let wrong = format!("{} is not a section", quoted(name));
                self.fault(None, Fault::new(wrong, format!("did you mean {section}?")).at(entry.spot));
                self.section(section, entries);
            }
            (Node::Map(entries, _), None) if !entries.is_empty() => self.section(name, entries),
            _ => self.unknown_setting(name, entry),
        }
    }

    fn unknown_setting(&mut self, name: &str, entry: &Entry) {
        let advice = match suggest::setting(self.catalogue, name) {
            Some(setting) if setting.name == name => {
                "write the section and, indented below it, the name".to_owned()
            }
            Some(setting) => format!("did you mean {}?", setting.name),
            None => "see `logmill config explain` for all settings".to_owned(),
        };
        let fault = Fault::new(format!("{} is not a setting", quoted(name)), advice);
        self.fault(None, fault.at(entry.spot));
    }
}

/// The values of a list, unless something in it is no plain value.
fn scalars(nodes: &[Node]) -> Option<Vec<Scalar>> {
    let scalar = |node: &Node| match node {
        Node::Scalar(scalar) => Some(scalar.clone()),
        _ => None,
    };
    nodes.iter().map(scalar).collect()
}

/// What in a value is not allowed to be there: of a list the first inner list or mapping.
fn nested(node: &Node) -> &Node {
    match node {
        Node::List(nodes, _) => nodes.iter().find(|node| !matches!(node, Node::Scalar(_))).unwrap_or(node),
        other => other,
    }
}
