//! A function app's folder, as the host reads it when it starts.
//!
//! Read in Azure/azure-functions-host: `HttpWorkerOptionsSetup.cs`, `HttpWorkerDescription.cs`, `HttpWorkerOptions.cs`,
//! `FunctionMetadataExtensions.cs` (`IsHttpInAndOutFunction`: only a function of one http trigger and one http output is
//! proxied), and for schedules <https://learn.microsoft.com/azure/azure-functions/functions-bindings-timer>. What the host
//! would not accept is an error here; so is what it accepts and this imitation does not do.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

/// How long a handler may take to answer, where `initializationTimeout` does not say.
const START: Duration = Duration::from_secs(30);

/// The methods of S3's operations, and the one of preflight requests.
const METHODS: [&str; 6] = ["delete", "get", "head", "options", "post", "put"];

/// The characters of a timer's schedule (NCRONTAB).
const OF_A_SCHEDULE: &str = "0123456789*,-/";

/// What there is to start and to invoke.
#[derive(Debug)]
pub(super) struct App {
    pub folder: PathBuf,
    pub executable: PathBuf,
    pub arguments: Vec<String>,
    pub start_within: Duration,
    /// The prefix of all routes, without slashes.
    pub prefix: String,
    /// The name of the timer's function, under which it is invoked.
    pub timer: String,
    /// The name of its binding, under which it gets its data.
    pub timer_binding: String,
}

impl App {
    /// Reads a folder with these settings.
    pub(super) fn read(folder: &Path, settings: &[(String, String)]) -> io::Result<Self> {
        let folder = folder.canonicalize()?;
        let host = json(&folder.join("host.json"))?;
        let handler = &host["customHandler"];
        let description = &handler["description"];
        check(host["version"] == "2.0", "host.json: version is not 2.0")?;
        check(
            description.is_object(),
            "host.json: customHandler has no description",
        )?;
        check(
            handler["enableProxyingHttpRequest"] == true,
            "host.json: enableProxyingHttpRequest is not true: requests would not be proxied",
        )?;
        for unknown in [
            "workingDirectory",
            "workerDirectory",
            "defaultWorkerPath",
            "workerArguments",
        ] {
            let absent = description[unknown].is_null();
            check(absent, &format!("host.json: {unknown} is not imitated"))?;
        }
        let functions = functions(&folder)?;
        let (timer, timer_binding) = timer(&functions, settings)?;
        check_http_function(&functions)?;
        Ok(Self {
            executable: executable(&folder, description)?,
            arguments: arguments(description)?,
            start_within: start_within(handler)?,
            prefix: match &host["extensions"]["http"]["routePrefix"] {
                Value::Null => "api".to_owned(),
                Value::String(prefix) => prefix.trim_matches('/').to_owned(),
                _ => return Err(wrong("host.json: routePrefix is not a text")),
            },
            timer,
            timer_binding,
            folder,
        })
    }
}

struct Function {
    name: String,
    bindings: Vec<Value>,
}

impl Function {
    fn of_direction(&self, output: bool) -> impl Iterator<Item = &Value> {
        let bindings = self.bindings.iter();
        bindings.filter(move |binding| (binding["direction"] == "out") == output)
    }

    fn is_triggered_by(&self, kind: &str) -> bool {
        self.bindings.iter().any(|binding| is(binding, kind))
    }
}

/// Whether a binding is of this type, which is compared without regard to case.
fn is(binding: &Value, kind: &str) -> bool {
    let found = binding["type"].as_str();
    found.is_some_and(|found| found.eq_ignore_ascii_case(kind))
}

/// The folders with a `function.json`, in the order of their names.
fn functions(folder: &Path) -> io::Result<Vec<Function>> {
    let mut functions = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.path().join("function.json");
        if !file.is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let rest = name.strip_prefix(|first: char| first.is_ascii_alphabetic());
        let valid = rest.is_some_and(|rest| {
            let mut rest = rest.chars();
            rest.all(|next| next.is_ascii_alphanumeric() || next == '_' || next == '-')
        });
        check(
            valid && name.len() <= 128,
            &format!("{name}: not a function's name"),
        )?;
        let read = json(&file)?;
        let bindings = read["bindings"].as_array().cloned().unwrap_or_default();
        let triggers = bindings.iter().filter(|binding| {
            let kind = binding["type"].as_str().unwrap_or_default();
            kind.to_ascii_lowercase().ends_with("trigger")
        });
        check(
            triggers.count() == 1,
            &format!("{name}/function.json: not one trigger"),
        )?;
        let complete = bindings.iter().all(|binding| {
            let direction = binding["direction"].as_str();
            binding["name"].is_string() && matches!(direction, Some("in" | "out"))
        });
        check(
            complete,
            &format!("{name}/function.json: a binding without name or direction"),
        )?;
        check(
            read["disabled"].is_null() || read["disabled"] == false,
            &format!("{name}/function.json: the function is disabled"),
        )?;
        functions.push(Function { name, bindings });
    }
    functions.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(functions)
}

fn only<'a>(functions: &'a [Function], kind: &str) -> io::Result<&'a Function> {
    let mut found = functions.iter().filter(|function| function.is_triggered_by(kind));
    match (found.next(), found.next()) {
        (Some(function), None) => Ok(function),
        _ => Err(wrong(&format!("not one function with a {kind}"))),
    }
}

/// Checks that one function takes every request without a key, and that requests to it are proxied.
fn check_http_function(functions: &[Function]) -> io::Result<()> {
    let function = only(functions, "httpTrigger")?;
    let name = &function.name;
    let trigger: Vec<_> = function.of_direction(false).collect();
    let outputs: Vec<_> = function.of_direction(true).collect();
    let [trigger] = trigger[..] else {
        return Err(wrong(&format!(
            "{name}: more inputs than the trigger: it would not be proxied"
        )));
    };
    check(
        outputs.len() == 1 && is(outputs[0], "http"),
        &format!("{name}: not one output of type http: it would not be proxied"),
    )?;
    check(
        trigger["authLevel"]
            .as_str()
            .is_some_and(|level| level.eq_ignore_ascii_case("anonymous")),
        &format!("{name}: authLevel is not anonymous: requests would need a key"),
    )?;
    let route = trigger["route"].as_str().unwrap_or_default();
    let all = route.strip_prefix("{*").and_then(|rest| rest.strip_suffix('}'));
    let all =
        all.is_some_and(|parameter| !parameter.is_empty() && parameter.chars().all(char::is_alphanumeric));
    check(
        all,
        &format!("{name}: the route {route:?} does not take every path"),
    )?;
    if let Some(methods) = trigger["methods"].as_array() {
        let taken = |method: &str| {
            let mut methods = methods.iter().filter_map(Value::as_str);
            methods.any(|taken| taken.eq_ignore_ascii_case(method))
        };
        let missing = METHODS.into_iter().find(|method| !taken(method));
        let text = missing.map(|method| format!("{name}: the method {method} is not taken"));
        text.map_or(Ok(()), |text| Err(wrong(&text)))?;
    }
    Ok(())
}

/// The names of the timer's function and of its binding.
fn timer(functions: &[Function], settings: &[(String, String)]) -> io::Result<(String, String)> {
    let function = only(functions, "timerTrigger")?;
    let name = &function.name;
    let trigger = function
        .bindings
        .iter()
        .find(|binding| is(binding, "timerTrigger"));
    let trigger = trigger.unwrap_or(&Value::Null);
    let written = trigger["schedule"].as_str().unwrap_or_default();
    let schedule = match written.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')) {
        None => Some(written),
        Some(setting) => {
            let found = settings.iter().find(|(name, _)| name == setting);
            found.map(|(_, value)| value.as_str())
        }
    };
    let fields: Vec<_> = schedule.unwrap_or_default().split_whitespace().collect();
    let valid = fields
        .iter()
        .all(|field| field.chars().all(|next| OF_A_SCHEDULE.contains(next)));
    check(
        valid && matches!(fields.len(), 5 | 6),
        &format!("{name}: {written:?} is no schedule of five or six fields"),
    )?;
    let binding = trigger["name"].as_str().unwrap_or_default();
    Ok((name.clone(), binding.to_owned()))
}

/// A name that is no file in the folder is a program on the path to the host; nobody means that here.
fn executable(folder: &Path, description: &Value) -> io::Result<PathBuf> {
    let written = description["defaultExecutablePath"].as_str().unwrap_or_default();
    check(!written.is_empty(), "host.json: defaultExecutablePath is empty")?;
    check(
        !written.contains('%'),
        "host.json: variables in defaultExecutablePath are not imitated",
    )?;
    let executable = folder.join(written);
    let metadata = executable.metadata();
    let metadata = metadata.map_err(|error| wrong(&format!("{}: {error}", executable.display())))?;
    check(
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0,
        &format!("{} is not executable", executable.display()),
    )?;
    Ok(executable)
}

fn arguments(description: &Value) -> io::Result<Vec<String>> {
    let Some(written) = description["arguments"].as_array() else {
        let absent = description["arguments"].is_null();
        return check(absent, "host.json: arguments are no list").map(|()| Vec::new());
    };
    let text = |argument: &Value| {
        let argument = argument.as_str().filter(|argument| !argument.contains('%'));
        argument.map(str::to_owned)
    };
    let arguments: Option<Vec<_>> = written.iter().map(text).collect();
    arguments
        .ok_or_else(|| wrong("host.json: an argument is no text, or has a variable, which is not imitated"))
}

/// `hh:mm:ss`.
fn start_within(handler: &Value) -> io::Result<Duration> {
    let Some(written) = handler["initializationTimeout"].as_str() else {
        return Ok(START);
    };
    let fields: Option<Vec<u64>> = written.split(':').map(|field| field.parse().ok()).collect();
    match fields.as_deref() {
        Some([hours, minutes, seconds]) => Ok(Duration::from_secs(hours * 3_600 + minutes * 60 + seconds)),
        _ => Err(wrong("host.json: initializationTimeout is not hh:mm:ss")),
    }
}

fn json(file: &Path) -> io::Result<Value> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| wrong(&format!("{name}: {error}")))?;
    serde_json::from_str(&text).map_err(|error| wrong(&format!("{name}: {error}")))
}

fn check(holds: bool, otherwise: &str) -> io::Result<()> {
    if holds { Ok(()) } else { Err(wrong(otherwise)) }
}

fn wrong(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}
