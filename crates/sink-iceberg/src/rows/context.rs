//! What the records of a scope have in common, kept once for however many frames repeat it.

use std::collections::HashMap;
use std::sync::Arc;

use logmill_otlp::{Resource, Scope};

use super::attributes::{Owned, keep_last, rendered};

/// The resource attributes that fill columns; the environment has an older name beside its present one.
const SERVICE: &[&str] = &["service.name"];
const ENVIRONMENT: &[&str] = &["deployment.environment.name", "deployment.environment"];
const HOST: &[&str] = &["host.name"];

/// A context of [`Contexts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ContextId(u32);

impl ContextId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Columns and attributes that come from resource and scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Context {
    pub(super) service: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) host: Option<String>,
    pub(super) scope_name: Option<String>,
    /// Scope over resource, sorted by key.
    pub(super) attributes: Vec<Owned>,
    /// Strings that had to be mended.
    pub(super) mended: u64,
    size: usize,
}

/// All contexts of some frames, each once.
#[derive(Debug, Default)]
pub(super) struct Contexts {
    list: Vec<Arc<Context>>,
    known: HashMap<Arc<Context>, ContextId>,
    /// The resource that scopes belong to now.
    resource: Context,
    held: usize,
}

impl Contexts {
    pub(super) fn resource(&mut self, resource: &Resource<'_>) {
        let (mut attributes, mended) = rendered(resource.attributes());
        let mut take = |names: &[&str]| names.iter().find_map(|name| remove(&mut attributes, name));
        let (service, environment, host) = (take(SERVICE), take(ENVIRONMENT), take(HOST));
        self.resource = Context { service, environment, host, scope_name: None, attributes, mended, size: 0 };
    }

    pub(super) fn scope(&mut self, scope: &Scope<'_>) -> ContextId {
        let mut context = self.resource.clone();
        let (attributes, mended) = rendered(scope.attributes());
        let mut name = String::new();
        context.mended += mended + scope.name().write(&mut name);
        context.scope_name = (!name.is_empty()).then_some(name);
        context.attributes.extend(attributes);
        // Stable: of equal keys that of the scope is the last.
        context.attributes.sort_by(|a, b| a.0.cmp(&b.0));
        keep_last(&mut context.attributes, |a, b| a.0 == b.0);
        context.size = context.measured();
        self.add(context)
    }

    fn add(&mut self, context: Context) -> ContextId {
        if let Some(id) = self.known.get(&context) {
            return *id;
        }
        let id = ContextId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        let context = Arc::new(context);
        self.held += context.size;
        self.list.push(context.clone());
        self.known.insert(context, id);
        id
    }

    pub(super) fn get(&self, id: ContextId) -> Option<&Context> {
        self.list.get(id.index()).map(|context| &**context)
    }

    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The services of all contexts; none for those without one.
    pub(super) fn services(&self) -> impl Iterator<Item = Option<&str>> {
        self.list.iter().map(|context| context.service.as_deref())
    }

    /// For each context the place of its service in a sorted list.
    pub(super) fn ranks(&self, services: &[Option<&str>]) -> Vec<u32> {
        let rank = |service| services.binary_search(&service).unwrap_or_else(|place| place) as u32;
        self.services().map(rank).collect()
    }
}

/// Takes a value out of a sorted list. An empty one is as good as absent.
fn remove(attributes: &mut Vec<Owned>, name: &str) -> Option<String> {
    let at = attributes.binary_search_by(|(key, _)| key.as_str().cmp(name)).ok()?;
    attributes.remove(at).1
}

/// What the allocator takes beside a string's bytes, and a hash map and lists for an entry.
const OVERHEAD: usize = 8;
const ENTRY: usize = 64;

impl Context {
    /// The memory that it takes, in bytes; about what a row takes of it, too.
    pub(super) fn size(&self) -> usize {
        self.size
    }

    fn measured(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, |text| text.capacity() + OVERHEAD);
        let columns = [&self.service, &self.environment, &self.host, &self.scope_name];
        let attributes = self.attributes.iter().map(|(key, value)| key.capacity() + OVERHEAD + text(value));
        size_of::<Self>()
            + ENTRY
            + columns.into_iter().map(text).sum::<usize>()
            + self.attributes.capacity() * size_of::<Owned>()
            + attributes.sum::<usize>()
    }
}
