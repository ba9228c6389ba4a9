//! Running scripts in an interpreter and comparing what they print with recorded output.
//!
//! Recorded output is CPython 3.14's. `PYABI_RECORD=/path/to/python3.14` makes every test run in
//! that interpreter and rewrite its file in `tests/data` (see `tests/record.sh`).
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder for what tests build, kept between runs; made if it is missing.
pub fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&dir).expect("the target directory is writable");
    dir
}

/// The CPython whose output is to be recorded, if that is what this run is for.
pub fn recorder() -> Option<OsString> {
    std::env::var_os("PYABI_RECORD").filter(|value| !value.is_empty())
}

/// The interpreter under test, or the recorder.
pub fn python() -> Command {
    let program = recorder().unwrap_or_else(|| env!("CARGO_BIN_EXE_pyabi").into());
    let mut command = Command::new(program);
    command
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPATH")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONHASHSEED", "0")
        .env("RUST_BACKTRACE", "0")
        .env("LC_ALL", "C.UTF-8");
    command
}

/// The interpreter that has pip: an environment, in a scratch folder, that the one under test makes for itself. The
/// recorder is taken as it is; `PYABI_PIP` names a folder with pip if it has none.
pub fn python_with_pip(folder: &str) -> PathBuf {
    if let Some(recorder) = recorder() {
        return recorder.into();
    }
    let venv = scratch(folder).join("venv");
    prepare(python().args(["-m", "venv", "--clear"]).arg(&venv));
    venv.join("bin/python")
}

/// What became of a command.
pub struct Outcome {
    pub status: Option<ExitStatus>,
    pub stdout: String,
    pub stderr: String,
}

impl Outcome {
    pub fn success(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Its exit status, if it ended by itself, not by a signal or for being late.
    pub fn code(&self) -> Option<i32> {
        self.status?.code()
    }

    /// How it ended, and the end of its stderr.
    pub fn describe(&self) -> String {
        let end = match self.status {
            Some(status) => status.to_string(),
            None => "killed: out of time".to_owned(),
        };
        let lines: Vec<&str> = self.stderr.lines().collect();
        let tail = &lines[lines.len().saturating_sub(40)..];
        format!("{end}\n{}", tail.join("\n"))
    }
}

/// Runs a command to its end, or kills it after `limit`. `name` keeps its output files apart.
pub fn run(command: &mut Command, name: &str, limit: Duration) -> Outcome {
    let dir = scratch("output");
    let out = dir.join(format!("{name}.out"));
    let err = dir.join(format!("{name}.err"));
    let file = |path: &Path| File::create(path).expect("the target directory is writable");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file(&out))
        .stderr(file(&err))
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            break Some(status);
        }
        if start.elapsed() > limit {
            child.kill().expect("the child is ours");
            child.wait().expect("the child is ours");
            break None;
        }
        thread::sleep(Duration::from_millis(10));
    };
    let read = |path: &Path| {
        String::from_utf8_lossy(&fs::read(path).expect("it was just written")).into_owned()
    };
    Outcome {
        status,
        stdout: read(&out),
        stderr: read(&err),
    }
}

/// Runs a command that prepares a test; it must succeed.
pub fn prepare(command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Compares an outcome with `tests/data/<file>`, or records it there.
pub fn expect(file: &str, outcome: &Outcome) {
    let path = root().join("tests/data").join(file);
    if recorder().is_some() {
        assert!(outcome.success(), "not recorded: {}", outcome.describe());
        fs::create_dir_all(path.parent().expect("it has a folder")).expect("tests are writable");
        fs::write(&path, &outcome.stdout).expect("tests are writable");
        return;
    }
    let expected =
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let difference = difference(&expected, &outcome.stdout);
    let known = KnownDifferences::of(file);
    assert!(
        difference == known.lines && outcome.code() == Some(known.exit_status),
        "{file} (- CPython, + this interpreter)\n{difference}\nknown:\n{}\nknown exit status: {}\n{}",
        known.lines,
        known.exit_status,
        outcome.describe()
    );
}

/// What `tests/data/known-differences.txt` says of `tests/data/<file>`: exactly these lines differ, and the program exits
/// so. An entry that no longer applies fails its test, so the list only shrinks.
struct KnownDifferences {
    lines: String,
    exit_status: i32,
}

impl KnownDifferences {
    fn of(file: &str) -> Self {
        let list = root().join("tests/data/known-differences.txt");
        let text = fs::read_to_string(&list).expect("the list is part of the package");
        let header = format!("[{file}]");
        let entry = || {
            text.lines()
                .skip_while(|line| **line != *header)
                .skip(1)
                .take_while(|line| !line.starts_with('['))
        };
        Self {
            lines: entry()
                .filter(|line| line.starts_with(['-', '+']))
                .map(|line| format!("{line}\n").replace("{root}", &root().display().to_string()))
                .collect(),
            exit_status: entry()
                .find_map(|line| line.strip_prefix("exit status "))
                .map_or(0, |status| status.parse().expect("a number")),
        }
    }
}

/// The lines that differ, by longest common subsequence; empty when there are none.
pub fn difference(expected: &str, actual: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (expected.lines().collect(), actual.lines().collect());
    // common[i][j]: length of the longest common subsequence of old[i..] and new[j..]
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i][j] = if old[i] == new[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut report = String::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || (i < old.len() && common[i + 1][j] >= common[i][j + 1]) {
            report += &format!("-{}\n", old[i]);
            i += 1;
        } else {
            report += &format!("+{}\n", new[j]);
            j += 1;
        }
    }
    report
}

/// Sets PYTHONPATH to `folders`.
pub fn python_path<I, S>(command: &mut Command, folders: I) -> &mut Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let path = std::env::join_paths(folders).expect("test folders have plain names");
    command.env("PYTHONPATH", path)
}
