//! File systems that can be full or read-only.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A mount that ends with the test.
#[derive(Debug)]
pub struct Mount(PathBuf);

fn mount(arguments: &[&str], at: &Path) {
    let ended = Command::new("mount").args(arguments).arg(at).output().expect("mount(8) must be installed");
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(
        ended.status.success(),
        "this test needs root and the right to mount: mount {arguments:?}: {errors}"
    );
}

impl Mount {
    /// A small file system in memory.
    #[must_use]
    pub fn tmpfs(at: &Path, mebibytes: u32, options: &str) -> Self {
        std::fs::create_dir_all(at).expect("the folder can be made");
        mount(&["-t", "tmpfs", "-o", &format!("size={mebibytes}m,{options}"), "tmpfs"], at);
        Self(at.to_owned())
    }

    /// Lays the folder over itself, so that it can be made read-only while files in it are open.
    #[must_use]
    pub fn over_itself(at: &Path) -> Self {
        let text = at.to_str().expect("the path is UTF-8");
        mount(&["--bind", text], at);
        Self(at.to_owned())
    }

    /// Mounts it again with other options.
    pub fn remount(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0);
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // The process under test may still be ending.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
