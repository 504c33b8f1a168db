//! A program that runs until it is dropped, or until this process ends in whatever way.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;

/// Runs the program until standard input ends, which it does with the process at its other end, then asks the program to
/// stop, and exits as it does. A shell's background jobs do not hear of Ctrl-C, so the shell waits for the same end then.
const SCRIPT: &str = r#"
trap : INT
"$0" "$@" 2>&1 &
child=$!
exec >/dev/null 2>&1
cat
kill "$child"
wait "$child"
"#;

/// A program under supervision.
pub(super) struct Supervised {
    shell: Child,
    /// Closed to end the program.
    alive: Option<ChildStdin>,
}

impl Supervised {
    /// Starts a program, which its arguments follow, with these variables on top of this process's. `line` sees every line
    /// of its output, and `None` when the program has ended.
    pub(super) fn start<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        program: &[&OsStr],
        variables: impl IntoIterator<Item = (K, V)>,
        mut line: impl FnMut(Option<&str>) + Send + 'static,
    ) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .args(program)
            .envs(variables)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let alive = shell.stdin.take();
        let output = shell
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("no standard output"))?;
        thread::spawn(move || {
            for text in BufReader::new(output).lines().map_while(Result::ok) {
                line(Some(&text));
            }
            line(None);
        });
        Ok(Self { shell, alive })
    }

    /// Asks the program to stop and waits until it has.
    pub(super) fn stop(&mut self) -> io::Result<ExitStatus> {
        drop(self.alive.take());
        self.shell.wait()
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("a program may be left behind: {error}");
        }
    }
}
