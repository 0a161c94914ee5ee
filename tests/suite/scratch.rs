//! Where tests write.

use std::path::Path;

use rustix::fs::{StatVfsMountFlags, statvfs};
use tempfile::TempDir;

const MEMORY: &str = "/dev/shm";
const ROOM: u64 = 1 << 30;

/// A folder that is gone when the test is: in memory where that has room and lets programs run, for packages come and go by the hundred.
pub fn folder() -> TempDir {
    let in_memory =
        statvfs(MEMORY).is_ok_and(|disk| disk.f_bavail * disk.f_frsize >= ROOM && !disk.f_flag.contains(StatVfsMountFlags::NOEXEC));
    let folder = in_memory.then(|| tempfile::tempdir_in(Path::new(MEMORY)).ok()).flatten();
    folder.unwrap_or_else(|| tempfile::tempdir().unwrap())
}
