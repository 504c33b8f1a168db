//! What the allocator keeps.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The most bytes that glibc keeps for later at the end of its heap, which it reads when a program starts. As long as
/// nobody states it, glibc raises it, and the size of what it takes from the system directly, with the blocks that it
/// sees freed: <https://man7.org/linux/man-pages/man3/mallopt.3.html>.
const THRESHOLD: &str = "MALLOC_TRIM_THRESHOLD_";

/// What glibc begins with.
const BYTES: &str = "131072";

/// The other way to state it.
const TUNABLES: &str = "GLIBC_TUNABLES";

/// Has the process give back to the system what a burst of requests took: states glibc's threshold, for which the same
/// process has to begin again. Where it is stated already, or the process cannot, it goes on.
pub(crate) fn give_memory_back() {
    let is_stated = [THRESHOLD, TUNABLES]
        .iter()
        .any(|name| env::var_os(name).is_some());
    if is_stated || !cfg!(target_env = "gnu") {
        return;
    }
    let mut arguments = env::args_os();
    let mut program = Command::new("/proc/self/exe");
    if let Some(name) = arguments.next() {
        program.arg0(name);
    }
    drop(program.args(arguments).env(THRESHOLD, BYTES).exec());
}
