"""What is asked of the cloud's own command line, which stand-ins play here."""

import json
import os

import pytest

from conftest import ENDPOINT, verify

AWS = {
    "cloudwatch describe-alarms": {
        "MetricAlarms": [
            {"AlarmName": f"store-{name}", "StateValue": "OK"}
            for name in ("function-errors", "function-throttles", "table-read-throttles", "table-write-throttles", "gc")
        ]
    },
    "cloudwatch list-metrics": {"Metrics": [{"MetricName": "CollectedSlices"}]},
    "iam list-attached-role-policies": {"AttachedPolicies": []},
    "iam list-role-policies": {"PolicyNames": ["stores"]},
    "iam get-role-policy": {
        "PolicyDocument": {
            "Statement": [{"Action": ["dynamodb:GetItem", "s3:GetObject"], "Resource": "arn:aws:dynamodb:…:table/store"}]
        }
    },
}
RUN = "serviceAccount:store-run@example-project.iam.gserviceaccount.com"
USER = {"role": "roles/datastore.user", "members": [RUN], "condition": {"expression": "resource.name == …"}}
GCLOUD = {
    "alpha monitoring": [{"displayName": f"store: {name}"} for name in ("answers-5xx", "throttles", "gc", "gc failed")],
    "logging read": [{"timestamp": "2026-11-30T00:00:00Z"}],
    "projects get-iam-policy": {"bindings": [USER, {"role": "roles/owner", "members": ["user:a@example.com"]}]},
}
VAULT = "/subscriptions/1/resourceGroups/store/providers/Microsoft.KeyVault/vaults/store-secrets"
ROLES = ["Key Vault Secrets User", "Monitoring Metrics Publisher", "Storage Blob Data Contributor"]
ROLES.append("Storage Blob Data Owner")
AZ = {
    "resource list": [
        {"name": "store-answers-5xx", "type": "Microsoft.Insights/metricAlerts"},
        {"name": "store-throttles", "type": "microsoft.insights/metricalerts"},
        {"name": "store-gc", "type": "microsoft.insights/scheduledqueryrules"},
        {"name": "store-secrets", "type": "Microsoft.KeyVault/vaults"},
    ],
    "identity show": {"principalId": "1"},
    "role assignment": [{"roleDefinitionName": role, "scope": VAULT} for role in ROLES],
    "functionapp config": ["AzureWebJobsStorage__accountName"],
}
CLOUDS = {"aws": ("aws", AWS), "gcp": ("gcloud", GCLOUD), "azure": ("az", AZ)}
QUESTIONS = {
    "aws": {"account-alarms", "account-gc", "account-role"},
    "gcp": {"account-alarms", "account-gc", "account-role"},
    "azure": {"account-alarms", "account-role", "account-host-storage"},
}


def account(folder, cloud, name=("--name", "store"), **changed):
    """Asks the account, whose command line answers with this. A change is of what the words, with a `_` between, answer."""
    program, answers = CLOUDS[cloud]
    answers = answers | {words.replace("_", " ", 1).replace("_", "-"): answer for words, answer in changed.items()}
    cases = "\n".join(f"'{words} '*) cat <<'END'\n{json.dumps(answer)}\nEND\n;;" for words, answer in answers.items())
    # The keys of BleepStore are not the account's.
    script = f"#!/bin/sh\ntest -z \"$AWS_SECRET_ACCESS_KEY\" || exit 1\ncase \"$* \" in\n{cases}\n*) exit 1 ;; esac\n"
    file = folder / program
    file.write_text(script)
    file.chmod(0o755)
    arguments = ("--endpoint", ENDPOINT, *name, "--only", ",".join(sorted(QUESTIONS[cloud])))
    path = f"{folder}:{os.environ['PATH']}"
    told = {"TF_VAR_name": "another" if name else "store", "TF_VAR_project": "example-project"}
    return verify(cloud, *arguments, PATH=path, **told)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_an_account_as_the_root_made_it_is_as_expected(cloud, tmp_path):
    ended = account(tmp_path, cloud)
    assert ended.outcomes == dict.fromkeys(QUESTIONS[cloud], "as expected"), ended.said
    assert ended.status == 0


@pytest.mark.parametrize(
    ("cloud", "changed", "question", "seen"),
    [
        ("aws", {"cloudwatch_describe_alarms": {}}, "account-alarms", "expected: the alarms function-errors, "),
        (
            "aws",
            {"iam_list_attached_role_policies": {"AttachedPolicies": [{"PolicyName": "AdministratorAccess"}]}},
            "account-role",
            "beside those of infra/aws: AdministratorAccess",
        ),
        (
            "aws",
            {"iam_get_role_policy": {"PolicyDocument": {"Statement": {"Action": "s3:*", "Resource": "*"}}}},
            "account-role",
            "no action beside those of infra/aws/iam.tf: s3:*",
        ),
        ("gcp", {"alpha_monitoring": [{"displayName": "store: gc", "enabled": False}]}, "account-alarms", "answers-5xx"),
        (
            "gcp",
            {"projects_get_iam_policy": {"bindings": [{"role": "roles/editor", "members": [RUN]}]}},
            "account-role",
            "roles/editor",
        ),
        ("azure", {"resource_list": []}, "account-alarms", "expected: the alarms answers-5xx, gc, throttles"),
        (
            "azure",
            {"role_assignment": [{"roleDefinitionName": "Owner", "scope": "/subscriptions/1"}]},
            "account-role",
            "Owner on the group or the subscription",
        ),
        (
            "azure",
            {"role_assignment": [{"roleDefinitionName": role, "scope": VAULT} for role in ROLES[1:]]},
            "account-role",
            "and nothing else: Key Vault Secrets User",
        ),
        ("azure", {"functionapp_config": ["AzureWebJobsStorage"]}, "account-host-storage", "'AzureWebJobsStorage'"),
    ],
)
def test_an_account_that_is_otherwise_differs(cloud, changed, question, seen, tmp_path):
    ended = account(tmp_path, cloud, **changed)
    assert ended.those("differs") == {question}, ended.said
    assert seen in ended.said


def test_the_name_is_that_which_terraform_is_told(tmp_path):
    ended = account(tmp_path, "gcp", name=())
    assert ended.outcomes == dict.fromkeys(QUESTIONS["gcp"], "as expected"), ended.said


def test_azure_may_pull_the_image_of_the_http_service(tmp_path):
    roles = [{"roleDefinitionName": role, "scope": VAULT} for role in [*ROLES, "AcrPull"]]
    ended = account(tmp_path, "azure", role_assignment=roles)
    assert ended.outcomes["account-role"] == "as expected", ended.said


def test_what_was_not_collected_yet_cannot_be_told(tmp_path):
    ended = account(tmp_path, "aws", cloudwatch_list_metrics={"Metrics": []})
    assert ended.those("could not tell") == {"account-gc"}


@pytest.mark.parametrize(("cloud", "program"), [("gcp", "gcloud"), ("azure", "az")])
def test_a_command_line_that_is_missing_is_named(cloud, program, tmp_path):
    only = ",".join(sorted(QUESTIONS[cloud]))
    ended = verify(cloud, "--endpoint", ENDPOINT, "--only", only, PATH=str(tmp_path), TF_VAR_project="example-project")
    assert ended.those("could not tell") == QUESTIONS[cloud]
    assert ended.said.count(f"    no {program}\n") == len(QUESTIONS[cloud])
    assert ended.status == 0
