use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::process::Command;

use serde_json::Value;

use crate::root;

/// What cargo resolved for this machine: packages, and who depends on whom.
#[derive(Debug)]
pub struct Graph {
    packages: BTreeMap<String, Package>,
    members: BTreeSet<String>,
}

/// One package of the graph.
#[derive(Debug)]
pub struct Package {
    /// The crate's name.
    pub name: String,
    /// The version resolved.
    pub version: String,
    /// The licence expression of its manifest.
    pub licence: Option<String>,
    /// Its folder from the workspace's root; `None` outside of it.
    pub folder: Option<String>,
    /// Where it came from; `None` is a path in this repository.
    pub source: Option<String>,
    arrows: Vec<Arrow>,
}

/// Which arrows to follow from the package where one stands. From its dependencies on, only those that ship.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    /// What is compiled into the shipped crate, or runs to build it.
    Shipped,
    /// Also what only its own tests and benches use.
    ShippedAndDev,
}

#[derive(Debug)]
struct Arrow {
    to: String,
    shipped: bool,
}

impl Graph {
    /// Asks cargo, without the network. Panics with cargo's own words if cargo cannot answer.
    #[must_use]
    pub fn read() -> Self {
        Self::parse(&metadata(&host()))
    }

    fn parse(metadata: &Value) -> Self {
        let root = format!("{}/", text(&metadata["workspace_root"]));
        let mut arrows_of = BTreeMap::new();
        for node in list(&metadata["resolve"]["nodes"]) {
            arrows_of.insert(text(&node["id"]), list(&node["deps"]).iter().map(arrow).collect::<Vec<_>>());
        }
        let packages = list(&metadata["packages"])
            .iter()
            .filter_map(|package| {
                let id = text(&package["id"]);
                let arrows = arrows_of.remove(&id)?;
                Some((id, Package::parse(package, &root, arrows)))
            })
            .collect();
        let members = list(&metadata["workspace_members"]).iter().map(text).collect();
        Self { packages, members }
    }

    /// The workspace's own crates, by name.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.members.iter().map(|id| &self.packages[id])
    }

    /// The crates that others wrote.
    pub fn foreign(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|(id, _)| !self.members.contains(*id)).map(|(_, package)| package)
    }

    /// The workspace's crates that `package` names as dependencies itself.
    #[must_use]
    pub fn own_arrows<'a>(&'a self, package: &'a Package, kinds: Kinds) -> BTreeSet<&'a str> {
        self.direct(package, kinds)
            .filter(|package| package.source.is_none())
            .map(|to| to.name.as_str())
            .collect()
    }

    /// Everything `package` names as a dependency itself.
    pub fn direct<'a>(&'a self, package: &'a Package, kinds: Kinds) -> impl Iterator<Item = &'a Package> {
        let followed = move |arrow: &&Arrow| arrow.shipped || kinds == Kinds::ShippedAndDev;
        package.arrows.iter().filter(followed).map(|arrow| &self.packages[&arrow.to])
    }

    /// The shortest way from `package` to a crate named `target`, as `a -> b -> target`, if there is one.
    #[must_use]
    pub fn way(&self, package: &Package, target: &str, kinds: Kinds) -> Option<String> {
        let mut queue = VecDeque::from([(package, package.name.clone(), kinds)]);
        let mut seen = BTreeSet::new();
        while let Some((at, way, kinds)) = queue.pop_front() {
            for next in self.direct(at, kinds) {
                let way = format!("{way} -> {}", next.name);
                if next.name == target {
                    return Some(way);
                }
                if seen.insert((&next.name, &next.version)) {
                    queue.push_back((next, way, Kinds::Shipped));
                }
            }
        }
        None
    }
}

impl Package {
    fn parse(package: &Value, root: &str, arrows: Vec<Arrow>) -> Self {
        let manifest = text(&package["manifest_path"]);
        let folder = manifest.strip_prefix(root).and_then(|path| path.strip_suffix("/Cargo.toml"));
        Self {
            folder: folder.map(str::to_owned),
            name: text(&package["name"]),
            version: text(&package["version"]),
            licence: package["license"].as_str().map(str::to_owned),
            source: package["source"].as_str().map(str::to_owned),
            arrows,
        }
    }
}

fn arrow(dependency: &Value) -> Arrow {
    let shipped = list(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].as_str() != Some("dev"));
    Arrow { to: text(&dependency["pkg"]), shipped }
}

fn metadata(host: &str) -> Value {
    let output =
        cargo(&["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host]);
    match serde_json::from_str(&output) {
        Ok(metadata) => metadata,
        Err(error) => panic!("cargo metadata is not JSON: {error}"),
    }
}

/// Only this machine's platform: other platforms' crates were never downloaded, and offline cargo could not read them.
fn host() -> String {
    let version = cargo(&["--version", "--verbose"]);
    match version.lines().find_map(|line| line.strip_prefix("host: ")) {
        Some(host) => host.to_owned(),
        None => panic!("cargo --version --verbose names no host: {version}"),
    }
}

fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    match Command::new(cargo).args(arguments).current_dir(root()).output() {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(output) => panic!(
            "cargo {}: {}\n(offline cargo needs what `cargo fetch --locked` downloads)",
            arguments.join(" "),
            String::from_utf8_lossy(&output.stderr)
        ),
        Err(error) => panic!("cargo does not start: {error}"),
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => panic!("cargo metadata holds {value} where a text is expected"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_found_through_shipped_arrows_and_own_dev_arrows_only() {
        let graph = Graph::parse(&sample());
        let from = |name: &str| graph.members().find(|package| package.name == name).unwrap();
        let way = |name: &str, kinds| graph.way(from(name), "tokio", kinds);

        assert_eq!(way("server", Kinds::Shipped).as_deref(), Some("server -> store -> tokio"));
        assert_eq!(way("csms", Kinds::Shipped), None);
        assert_eq!(way("csms", Kinds::ShippedAndDev).as_deref(), Some("csms -> tokio"));
        // What csms uses in its tests does not reach those who depend on csms.
        assert_eq!(way("office", Kinds::ShippedAndDev), None);
        assert_eq!(from("csms").folder.as_deref(), Some("engine/csms"));
        assert_eq!(graph.own_arrows(from("server"), Kinds::Shipped), BTreeSet::from(["store"]));
        assert_eq!(graph.foreign().map(|package| package.name.as_str()).collect::<Vec<_>>(), ["tokio"]);
    }

    fn sample() -> Value {
        let package = |name: &str, source: Value| {
            serde_json::json!({
                "id": name, "name": name, "version": "1.0.0", "license": "MIT", "source": source,
                "manifest_path": format!("/w/engine/{name}/Cargo.toml"),
            })
        };
        let node = |name: &str, deps: &[(&str, Value)]| {
            let deps: Vec<_> = deps
                .iter()
                .map(|(to, kind)| serde_json::json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] }))
                .collect();
            serde_json::json!({ "id": name, "deps": deps })
        };
        serde_json::json!({
            "workspace_root": "/w",
            "packages": [
                package("server", Value::Null), package("store", Value::Null), package("csms", Value::Null),
                package("office", Value::Null), package("tokio", "registry".into()), package("unused", "registry".into()),
            ],
            "workspace_members": ["server", "store", "csms", "office"],
            "resolve": { "nodes": [
                node("server", &[("store", Value::Null)]),
                node("store", &[("tokio", Value::Null)]),
                node("csms", &[("tokio", "dev".into())]),
                node("office", &[("csms", Value::Null)]),
                node("tokio", &[]),
            ] },
        })
    }
}
