"""What the cloud's own command line tells of the deployment: alarms, garbage collection, permissions. It only reads."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

from questions import answers
from seen import CouldNotTell, shortened

INFRA = pathlib.Path(__file__).parents[2] / "infra"
ALARMS = {
    "aws": ["function-errors", "function-throttles", "table-read-throttles", "table-write-throttles", "gc"],
    "gcp": ["answers-5xx", "throttles", "gc", "gc failed"],
    "azure": ["answers-5xx", "throttles", "gc"],
}
# Given where the HTTP service pulls its image from a registry of Azure's, and nowhere else.
PULLS = "AcrPull"


def of_root(cloud, pattern):
    """What a cloud's root says of permissions, by a pattern with one group."""
    return set(re.findall(pattern, (INFRA / cloud / "iam.tf").read_text(encoding="utf-8")))


def asked(seen, program, *arguments):
    """What a command line of a cloud says in JSON."""
    found = shutil.which(program, path=seen.place.account.get("PATH"))
    if found is None and program != "aws":
        raise CouldNotTell(f"no {program}")
    command = [found] if found else [sys.executable, "-m", "awscli"]
    seen.note(f"$ {program} {' '.join(arguments)}")
    done = subprocess.run(
        [*command, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=seen.place.account,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise CouldNotTell(f"{program}: {shortened(done.stderr or done.stdout)}")
    return json.loads(done.stdout or "null") or {}


def aws(seen, *arguments):
    return asked(seen, "aws", *arguments, "--region", seen.place.endpoint.region, "--output", "json")


def gcloud(seen, *arguments):
    return asked(seen, "gcloud", *arguments, "--project", project(seen), "--format", "json", "--quiet")


def az(seen, *arguments):
    return asked(seen, "az", *arguments, "--output", "json", "--only-show-errors")


def project(seen):
    for name in ("TF_VAR_project", "CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT"):
        if seen.place.account.get(name):
            return seen.place.account[name]
    raise CouldNotTell("TF_VAR_project is not set")


@answers("account-alarms")
def alarms(seen):
    name, cloud = seen.place.name, seen.place.cloud
    wanted = list(ALARMS[cloud])
    if cloud == "aws":
        wanted += ["answers-5xx"] if seen.place.is_function_url else []
        found = aws(seen, "cloudwatch", "describe-alarms", "--alarm-name-prefix", f"{name}-").get("MetricAlarms", [])
        states = {alarm["AlarmName"].removeprefix(f"{name}-"): alarm["StateValue"] for alarm in found}
    elif cloud == "gcp":
        found = gcloud(seen, "alpha", "monitoring", "policies", "list")
        ours = [policy for policy in found if policy["displayName"].startswith(f"{name}: ")]
        states = {
            policy["displayName"].removeprefix(f"{name}: "): "enabled" if policy.get("enabled", True) else "disabled"
            for policy in ours
        }
    else:
        found = az(seen, "resource", "list", "--resource-group", name)
        kinds = ("microsoft.insights/metricalerts", "microsoft.insights/scheduledqueryrules")
        states = {
            resource["name"].removeprefix(f"{name}-"): "there" for resource in found if resource["type"].lower() in kinds
        }
    seen.note(f"alarms: {states}")
    missing = sorted(set(wanted) - set(states))
    seen.expect(f"the alarms {', '.join(missing)}", not missing)
    wrong = sorted(alarm for alarm, state in states.items() if state in ("ALARM", "disabled"))
    seen.expect(f"no alarm that has fired or is off: {', '.join(wrong)}", not wrong)


@answers("account-gc")
def gc(seen):
    name = seen.place.name
    if seen.place.cloud == "aws":
        metrics = aws(seen, "cloudwatch", "list-metrics", "--namespace", f"BleepStore/{name}").get("Metrics", [])
        names = sorted({metric["MetricName"] for metric in metrics})
        seen.note(f"metrics: {names}")
        arrived = "CollectedSlices" in names
    else:
        told = f'resource.type="cloud_run_revision" AND resource.labels.service_name="{name}" AND "garbage was collected"'
        lines = gcloud(seen, "logging", "read", told, "--limit", "1", "--freshness", "2d")
        seen.note(f"the last line of the log: {lines[0].get('timestamp') if lines else None}")
        arrived = bool(lines)
    if not arrived:
        raise CouldNotTell("no slice is known yet: the schedule runs every few hours, and metrics take some minutes")
    seen.expect("collected slices are counted", arrived)


@answers("account-role")
def role(seen):
    {"aws": aws_role, "gcp": gcp_role, "azure": azure_role}[seen.place.cloud](seen)


def aws_role(seen):
    role = f"{seen.place.name}-function-{seen.place.endpoint.region}"
    attached = aws(seen, "iam", "list-attached-role-policies", "--role-name", role).get("AttachedPolicies", [])
    names = [policy["PolicyName"] for policy in attached]
    seen.expect(f"no policy is attached beside those of infra/aws: {', '.join(names)}", not names)
    planned = of_root("aws", r'"([a-z0-9-]+:[A-Za-z]+)"')
    for policy in aws(seen, "iam", "list-role-policies", "--role-name", role).get("PolicyNames", []):
        document = aws(seen, "iam", "get-role-policy", "--role-name", role, "--policy-name", policy)["PolicyDocument"]
        for statement in as_list(document["Statement"]):
            actions, resources = as_list(statement.get("Action", [])), as_list(statement.get("Resource", []))
            seen.note(f"{policy}: {', '.join(actions)} on {len(resources)} resources")
            more = sorted(set(actions) - planned)
            seen.expect(f"{policy}: no action beside those of infra/aws/iam.tf: {', '.join(more)}", not more)
            seen.expect(f"{policy}: resources by name", resources and "*" not in resources)


def gcp_role(seen):
    member = f"serviceAccount:{seen.place.name}-run@{project(seen)}.iam.gserviceaccount.com"
    bindings = gcloud(seen, "projects", "get-iam-policy", project(seen)).get("bindings", [])
    ours = [binding for binding in bindings if member in binding.get("members", [])]
    for binding in ours:
        seen.note(f"{binding['role']}, condition: {binding.get('condition', {}).get('expression')}")
    planned = sorted(of_root("gcp", r'"google_project_iam_member" [^}]* role += "([^"]+)"'))
    only = sorted(binding["role"] for binding in ours) == planned
    seen.expect(f"{', '.join(planned)} in the project and nothing else", only)
    seen.expect("it has its condition", all("condition" in binding for binding in ours))


def azure_role(seen):
    name = seen.place.name
    identity = az(seen, "identity", "show", "--resource-group", name, "--name", f"{name}-function")
    found = az(seen, "role", "assignment", "list", "--assignee", identity["principalId"], "--all")
    for assignment in found:
        scope = assignment["scope"].partition("/providers/")[2] or "the group or the subscription"
        seen.note(f"{assignment['roleDefinitionName']} on {scope}")
    roles = {assignment["roleDefinitionName"] for assignment in found}
    planned = of_root("azure", r'role_definition_name += "([^"]+)"')
    other = sorted((roles | {PULLS}) ^ planned)
    seen.expect(f"the roles of infra/azure/iam.tf and nothing else: {', '.join(other)}", not other)
    wide = [assignment for assignment in found if "/providers/" not in assignment["scope"]]
    seen.expect("each on one resource", not wide)


@answers("account-host-storage")
def host_storage(seen):
    name = seen.place.name
    # The names alone: values may be secret.
    wanted = "[?starts_with(name, 'AzureWebJobsStorage')].name"
    arguments = ("--resource-group", name, "--name", name, "--query", wanted)
    names = az(seen, "functionapp", "config", "appsettings", "list", *arguments) or []
    seen.note(f"settings: {names}")
    seen.expect("no AzureWebJobsStorage beside AzureWebJobsStorage__…", "AzureWebJobsStorage" not in names)


def as_list(value):
    return value if isinstance(value, list) else [value]
