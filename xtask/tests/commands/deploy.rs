//! `cargo xtask deploy` and `destroy` without an account.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::machine::{Ended, Machine};

const AWS: [&str; 5] = [
    "terraform version",
    "python3 -m venv --help",
    "aws --version",
    "terraform init -input=false",
    "terraform console -var=package=versions.tf",
];
/// For what is about to go.
const NO_IMAGE: &str =
    "-var=image_digest=sha256:0000000000000000000000000000000000000000000000000000000000000000";
const DESCRIBE: &str =
    "gcloud run services describe bleepstore --region europe-west1 --project example-project --format=json";
const DELETE: &str =
    "gcloud run services delete bleepstore --region europe-west1 --project example-project --quiet";
const AWS_PLAN: &str = "terraform plan -input=false -var=package=TARGET/package/bleepstore-aws-x86_64.zip -out=TARGET/deploy/aws.tfplan";
const AWS_SHOW: &str = "terraform show -json TARGET/deploy/aws.tfplan";
const AWS_APPLY: &str = "terraform apply -input=false TARGET/deploy/aws.tfplan";

fn assert_ran(ended: &Ended, expected: &[&str]) {
    assert_eq!(ended.ran, expected, "{}{}", ended.said, ended.complained);
}

/// Nothing but this one line was complained, and nothing was run that changes anything.
fn assert_refused(ended: &Ended, complaint: &str) {
    assert!(!ended.succeeded);
    assert_eq!(ended.complained, format!("xtask: {complaint}\n"));
    assert_eq!(ended.said, "");
    let asked = ["version", "--version", "--help"];
    let harmless = |line: &&String| asked.iter().any(|word| line.ends_with(word));
    assert_eq!(ended.ran.iter().find(|line| !harmless(line)), None);
}

#[test]
fn a_plan_is_shown_with_what_it_costs_and_nothing_is_changed() {
    let mut machine = Machine::complete("plan", "aws");
    machine.answer("yes\n");
    let ended = machine.xtask(&["deploy", "aws", "--plan"]);
    assert!(ended.succeeded, "{}", ended.complained);
    assert_ran(&ended, &[AWS[0], AWS[3], AWS[4], AWS_PLAN, AWS_SHOW]);
    assert!(ended.said.contains("1 million of PutObject, 1 KiB: $"));
    assert!(ended.said.ends_with("Nothing was changed.\n"), "{}", ended.said);
    assert!(
        !machine.target().join("deploy/aws.tfplan").exists(),
        "the plan has the state in it"
    );
}

#[test]
fn nothing_is_applied_without_a_yes() {
    for (name, answer) in [("no", "no\n"), ("y", "y\n"), ("silence", "")] {
        let mut machine = Machine::complete(name, "aws");
        machine.answer(answer);
        let ended = machine.xtask(&["deploy", "aws"]);
        assert!(ended.succeeded, "{}", ended.complained);
        assert_ran(
            &ended,
            &[AWS[0], AWS[1], AWS[2], AWS[3], AWS[4], AWS_PLAN, AWS_SHOW],
        );
        assert!(ended.said.ends_with("Nothing was changed.\n"), "{}", ended.said);
    }
}

#[test]
fn what_was_planned_is_applied_after_a_yes_and_then_the_endpoint_is_looked_for() {
    let mut machine = Machine::complete("yes", "aws");
    machine.answer("yes\n");
    machine.set("REFUSED", "output");
    let ended = machine.xtask(&["deploy", "aws"]);
    assert_ran(
        &ended,
        &[
            AWS[0],
            AWS[1],
            AWS[2],
            AWS[3],
            AWS[4],
            AWS_PLAN,
            AWS_SHOW,
            AWS_APPLY,
            "terraform output -json",
        ],
    );
    assert!(!ended.succeeded, "without an endpoint nothing serves");
    assert!(!machine.target().join("deploy/aws.tfplan").exists());
}

#[test]
fn a_plan_that_fails_is_not_applied() {
    let mut machine = Machine::complete("failed-plan", "aws");
    machine.answer("yes\n");
    machine.set("REFUSED", "plan");
    let ended = machine.xtask(&["deploy", "aws"]);
    assert!(!ended.succeeded);
    assert_ran(&ended, &[AWS[0], AWS[1], AWS[2], AWS[3], AWS[4], AWS_PLAN]);
    assert!(!machine.target().join("deploy/aws.tfplan").exists());
}

#[test]
fn a_package_for_another_processor_than_the_plans_is_not_applied() {
    let mut machine = Machine::complete("processor", "aws");
    machine.answer("yes\n");
    machine.set(
        "PLANNED",
        "{\"variables\":{\"architecture\":{\"value\":\"arm64\"}}}",
    );
    let ended = machine.xtask(&["deploy", "aws"]);
    assert_ran(
        &ended,
        &[AWS[0], AWS[1], AWS[2], AWS[3], AWS[4], AWS_PLAN, AWS_SHOW],
    );
    assert_eq!(
        ended.complained,
        "xtask: what was packaged is for architecture = x86_64, and the plan for \"arm64\": set TF_VAR_architecture\n"
    );
}

#[test]
fn on_aws_the_image_is_pushed_where_a_service_runs_it() {
    let mut machine = Machine::complete("services", "aws");
    machine.answer("no\n");
    machine.set("CONSOLE", "true");
    machine.install("aws", "printf 'of aws'\n");
    machine.install(
        "skopeo",
        "case \"$1\" in login) read -r token; test \"$token\" = 'of aws' ;; esac\n",
    );
    machine.set("STATE", "aws_ssm_parameter.root_secret_key\n");
    let repository = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/bleepstore";
    let outputs = format!("{{\"repository\":{{\"value\":\"{repository}\"}}}}");
    machine.set("OUTPUTS", &outputs);
    let ended = machine.xtask(&["deploy", "aws"]);
    assert!(ended.succeeded, "{}", ended.complained);
    let at = |start: &str| ended.ran.iter().position(|line| line.starts_with(start));
    let [registry, copy, plan] = ["terraform apply", "skopeo copy", "terraform plan"].map(at);
    assert!(
        registry.is_some() && registry < copy && copy < plan,
        "{:?}",
        ended.ran
    );
    let registry = &ended.ran[registry.unwrap()];
    let digest = registry
        .split_whitespace()
        .find(|word| word.starts_with("-var=image_digest="));
    assert!(
        ended.ran[plan.unwrap()].contains(digest.unwrap()),
        "{:?}",
        ended.ran
    );
    let targets = "-target=aws_ecr_repository.images -target=aws_ecr_lifecycle_policy.images \
                   -target=aws_ssm_parameter.root_secret_key";
    assert!(registry.ends_with(targets), "{registry}");
    assert!(ended.ran[copy.unwrap()].contains(repository), "{:?}", ended.ran);
}

#[test]
fn on_google_cloud_the_image_is_pushed_to_its_registry_before_the_plan() {
    let mut machine = Machine::complete("image", "gcp");
    machine.answer("no\n");
    let ended = machine.xtask(&["deploy", "gcp"]);
    assert!(ended.succeeded, "{}", ended.complained);
    let image = fs::read_to_string(machine.target().join("package/bleepstore-gcp/index.json")).unwrap();
    let digest = image
        .split("\"digest\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let repository = "europe-west1-docker.pkg.dev/example-project/bleepstore/server";
    assert_ran(
        &ended,
        &[
            "terraform version",
            "python3 -m venv --help",
            "skopeo --version",
            "gcloud --version",
            "terraform init -input=false",
            "terraform state list",
            &format!(
                "terraform apply -var=image={repository}@{digest} -target=google_project_service.needed \
                 -target=google_artifact_registry_repository.images"
            ),
            "terraform output -json",
            "gcloud auth print-access-token",
            "skopeo login --username oauth2accesstoken --password-stdin --authfile TARGET/deploy/registry.json \
             europe-west1-docker.pkg.dev",
            &format!(
                "skopeo copy --preserve-digests --authfile TARGET/deploy/registry.json oci:TARGET/package/bleepstore-gcp docker://{repository}:latest"
            ),
            &format!(
                "terraform plan -input=false -var=image={repository}@{digest} -out=TARGET/deploy/gcp.tfplan"
            ),
            "terraform show -json TARGET/deploy/gcp.tfplan",
        ],
    );
    assert!(!machine.target().join("deploy/registry.json").exists());
    let last = format!("Nothing was changed but the registry and the image in it ({repository}).\n");
    assert!(ended.said.ends_with(&last), "{}", ended.said);
}

/// gcloud, which knows a service that never started.
const NEVER_STARTED: &str = "\
case \"$3\" in
    describe) printf '{\"metadata\":{\"labels\":{\"bleepstore\":\"bleepstore\"}},\"status\":{\"latestCreatedRevisionName\":\"1\"}}' ;;
    *) printf 'of gcloud' ;;
esac
";

#[test]
fn a_service_that_never_started_is_deleted_after_the_yes() {
    for (answer, expected) in [
        ("no\n", &[][..]),
        ("yes\n", &[DESCRIBE, DELETE, "terraform apply"][..]),
    ] {
        let mut machine = Machine::complete(&format!("leftover-{}", answer.trim()), "gcp");
        machine.answer(answer);
        machine.install("gcloud", NEVER_STARTED);
        let ended = machine.xtask(&["deploy", "gcp"]);
        let shown = ended
            .ran
            .iter()
            .position(|line| line.starts_with("terraform show"));
        let then = &ended.ran[shown.unwrap() + 1..];
        let is_as_expected = then.len() >= expected.len()
            && then
                .iter()
                .zip(expected)
                .all(|(line, start)| line.starts_with(start));
        assert!(is_as_expected, "{:?}", ended.ran);
        let deletes = ended.ran.iter().filter(|line| *line == DELETE).count();
        assert_eq!(deletes, usize::from(answer == "yes\n"), "{:?}", ended.ran);
    }
}

#[test]
fn destroy_deletes_a_service_that_never_started_after_all_else_went() {
    let mut machine = Machine::complete("leftover-destroy", "gcp");
    machine.install("gcloud", NEVER_STARTED);
    let repository = "europe-west1-docker.pkg.dev/example-project/bleepstore";
    machine.set(
        "OUTPUTS",
        &format!("{{\"repository\":{{\"value\":\"{repository}\"}}}}"),
    );
    let ended = machine.xtask(&["destroy", "gcp"]);
    assert!(ended.succeeded, "{}", ended.complained);
    let [.., destroy, describe, delete] = &ended.ran[..] else {
        panic!("{:?}", ended.ran);
    };
    assert!(destroy.starts_with("terraform destroy"), "{destroy}");
    assert_eq!([describe, delete], [DESCRIBE, DELETE]);
}

#[test]
fn an_apply_that_fails_for_another_reason_than_a_race_is_not_tried_again() {
    let mut machine = Machine::complete("refused-apply", "aws");
    machine.answer("yes\n");
    machine.set("REFUSED", "apply");
    let ended = machine.xtask(&["deploy", "aws"]);
    assert!(!ended.succeeded);
    assert_ran(
        &ended,
        &[
            AWS[0], AWS[1], AWS[2], AWS[3], AWS[4], AWS_PLAN, AWS_SHOW, AWS_APPLY,
        ],
    );
    assert!(!machine.target().join("deploy/aws.tfplan").exists());
}

#[test]
fn what_an_interrupted_run_left_is_removed_and_nobody_else_may_look() {
    let mut machine = Machine::complete("left", "aws");
    machine.set("REFUSED", "init");
    let folder = machine.target().join("deploy");
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    for left in ["aws.tfplan", "registry.json"] {
        fs::write(folder.join(left), "what nobody else may see").unwrap();
    }
    assert!(!machine.xtask(&["deploy", "aws"]).succeeded);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    let mode = fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn arguments_in_the_environment_answer_no_question() {
    for name in [
        "TF_CLI_ARGS",
        "TF_CLI_ARGS_apply",
        "TF_CLI_ARGS_destroy",
        "TF_CLI_ARGS_plan",
    ] {
        let mut machine = Machine::complete(name, "aws");
        machine.set(name, "-auto-approve");
        let ended = machine.xtask(&["destroy", "aws"]);
        assert!(ended.succeeded, "{name}: {}", ended.complained);
    }
}

#[test]
fn a_plan_for_google_cloud_pushes_nothing() {
    let machine = Machine::complete("image-plan", "gcp");
    let ended = machine.xtask(&["deploy", "gcp", "--plan"]);
    assert!(ended.succeeded, "{}", ended.complained);
    let changes = ["apply", "auth", "login", "copy"];
    let ran = ended
        .ran
        .iter()
        .filter(|line| changes.iter().any(|word| line.contains(word)));
    assert_eq!(ran.count(), 0, "{:?}", ended.ran);
}

#[test]
fn on_azure_the_package_is_published_once_the_app_is_there() {
    let mut machine = Machine::complete("publish", "azure");
    machine.answer("yes\n");
    let url = "https://example.scm.azurewebsites.net/api/publish";
    machine.set("OUTPUTS", &format!("{{\"publish_url\":{{\"value\":\"{url}\"}}}}"));
    let ended = machine.xtask(&["deploy", "azure"]);
    let token = "az account get-access-token --query accessToken --output tsv --subscription 1";
    let curl = "curl --disable --silent --show-error --max-time 600 --write-out \\n%{http_code} --config -";
    let post = "--request POST --header Content-Type: application/zip --header Expect: --data-binary";
    let expected = [
        "terraform version",
        "python3 -m venv --help",
        "az --version",
        "curl --version",
        token,
        "terraform init -input=false",
        "terraform plan -input=false -out=TARGET/deploy/azure.tfplan",
        "terraform show -json TARGET/deploy/azure.tfplan",
        "terraform apply -input=false TARGET/deploy/azure.tfplan",
        "terraform output -json",
        token,
        &format!("{curl} {url} {post} @TARGET/package/bleepstore-azure.zip"),
        &format!("{curl} https://example.scm.azurewebsites.net/api/deployments/6a-1e"),
        "terraform output -json",
    ];
    assert_ran(&ended, &expected);
    assert_eq!(ended.complained, "xtask: Terraform has no output endpoint\n");
}

#[test]
fn a_plan_needs_no_tool_but_terraform() {
    for cloud in ["aws", "gcp", "azure"] {
        let mut machine = Machine::complete(&format!("{cloud}-plan"), cloud);
        // On AWS an image is planned too.
        machine.set("CONSOLE", "true");
        for tool in ["python3", "skopeo", "aws", "gcloud", "az", "curl"] {
            machine.uninstall(tool);
        }
        let ended = machine.xtask(&["deploy", cloud, "--plan"]);
        assert!(ended.succeeded, "{cloud}: {}", ended.complained);
    }
}

#[test]
fn destroy_takes_the_protection_off_alone_and_then_everything_down() {
    let variables = format!("-var=package=versions.tf {NO_IMAGE} -var=deletion_protection=false");
    let targets = "-target=aws_dynamodb_table.metadata -target=aws_s3_bucket.blobs -target=aws_lb.http";
    let machine = Machine::complete("destroy", "aws");
    let ended = machine.xtask(&["destroy", "aws"]);
    assert!(ended.succeeded, "{}", ended.complained);
    // Without -auto-approve: Terraform asks before both.
    assert_ran(
        &ended,
        &[
            "terraform version",
            "terraform init -input=false",
            "terraform state list",
            "terraform output -json",
            &format!("terraform apply {variables} {targets}"),
            &format!("terraform destroy {variables}"),
        ],
    );
}

#[test]
fn nothing_is_destroyed_where_the_protection_is_not_let_go() {
    let mut machine = Machine::complete("refused", "aws");
    machine.set("REFUSED", "apply");
    let ended = machine.xtask(&["destroy", "aws"]);
    assert!(!ended.succeeded);
    assert!(
        ended.ran.last().unwrap().starts_with("terraform apply "),
        "{:?}",
        ended.ran
    );
}

#[test]
fn nothing_is_destroyed_or_made_where_there_is_no_state() {
    let mut machine = Machine::complete("no-state", "aws");
    machine.set("STATE", "");
    let ended = machine.xtask(&["destroy", "aws"]);
    assert!(!ended.succeeded);
    assert_ran(
        &ended,
        &[
            "terraform version",
            "terraform init -input=false",
            "terraform state list",
        ],
    );
    assert_eq!(
        ended.complained,
        "xtask: no state of a deployment is here: is it kept elsewhere? cargo xtask destroy aws --backend-config FILE\n"
    );
}

#[test]
fn destroy_makes_nothing_anew_that_an_earlier_run_destroyed() {
    let mut machine = Machine::complete("half", "aws");
    machine.set("STATE", "aws_s3_bucket.blobs\nrandom_password.root\n");
    let ended = machine.xtask(&["destroy", "aws"]);
    let applied = ended.ran.iter().find(|line| line.starts_with("terraform apply "));
    assert_eq!(
        applied.map(String::as_str),
        Some(
            format!(
                "terraform apply -var=package=versions.tf {NO_IMAGE} -var=deletion_protection=false -target=aws_s3_bucket.blobs"
            )
            .as_str()
        )
    );
    machine.set("STATE", "random_password.root\n");
    let ended = machine.xtask(&["destroy", "aws"]);
    assert!(ended.succeeded, "{}", ended.complained);
    let applied = ended
        .ran
        .iter()
        .filter(|line| line.starts_with("terraform apply "));
    assert_eq!(applied.count(), 1, "that of the first run: {:?}", ended.ran);
}

#[test]
fn a_destroy_that_fails_says_that_the_protection_is_off() {
    let mut machine = Machine::complete("kept", "aws");
    machine.set("REFUSED", "destroy");
    let ended = machine.xtask(&["destroy", "aws"]);
    assert!(!ended.succeeded);
    let last = "\nThe protection is off, and what is not destroyed is still there: `cargo xtask deploy aws` puts it back.\n";
    assert!(ended.complained.ends_with(last), "{}", ended.complained);
}

#[test]
fn destroy_on_google_cloud_keeps_the_image_until_the_service_may_go() {
    let mut machine = Machine::complete("destroy-image", "gcp");
    machine.set("OUTPUTS", "{\"image\":{\"value\":\"registry/server@sha256:1\"}}");
    let ended = machine.xtask(&["destroy", "gcp"]);
    let variables = "-var=image=registry/server@sha256:1 -var=deletion_protection=false";
    assert_ran(
        &ended,
        &[
            "terraform version",
            "terraform init -input=false",
            "terraform state list",
            "terraform output -json",
            &format!(
                "terraform apply {variables} -target=google_firestore_database.metadata \
                 -target=google_storage_bucket.blobs -target=google_cloud_run_v2_service.bleepstore"
            ),
            &format!("terraform destroy {variables}"),
        ],
    );
}

#[test]
fn what_an_upgrade_has_not_moved_yet_is_targeted_too() {
    let mut machine = Machine::complete("moved", "aws");
    machine.set(
        "STATE",
        "aws_dynamodb_table.metadata\naws_ssm_parameter.root_secret_key\n",
    );
    let ended = machine.xtask(&["destroy", "aws"]);
    let apply = ended.ran.iter().find(|line| line.starts_with("terraform apply"));
    assert_eq!(
        apply.map(String::as_str),
        Some(
            format!(
                "terraform apply -var=package=versions.tf {NO_IMAGE} -var=deletion_protection=false \
                 -target=aws_dynamodb_table.metadata -target=aws_ssm_parameter.root_secret_key"
            )
            .as_str()
        ),
        "{}",
        ended.complained
    );
}

#[test]
fn destroy_on_azure_takes_the_locks_off_first() {
    let machine = Machine::complete("locks", "azure");
    let ended = machine.xtask(&["destroy", "azure"]);
    assert_ran(
        &ended,
        &[
            "terraform version",
            "terraform init -input=false",
            "terraform state list",
            "terraform output -json",
            "terraform apply -var=deletion_protection=false -target=azurerm_management_lock.stored",
            "terraform destroy -var=deletion_protection=false",
        ],
    );
}

#[test]
fn a_missing_tool_is_one_line_before_anything_is_built() {
    for (cloud, tool, complaint) in [
        (
            "aws",
            "terraform",
            "terraform (https://developer.hashicorp.com/terraform/install) is not installed",
        ),
        (
            "aws",
            "python3",
            "python3 with venv, which tries the endpoint, is not installed",
        ),
        ("aws", "aws", "aws, which reads the secret key, is not installed"),
        ("azure", "az", "az, which reads the secret key, is not installed"),
        (
            "gcp",
            "skopeo",
            "skopeo, which pushes the image, is not installed",
        ),
        (
            "gcp",
            "gcloud",
            "gcloud, which signs in to the registry, is not installed",
        ),
        (
            "azure",
            "curl",
            "curl, which publishes the package, is not installed",
        ),
    ] {
        let machine = Machine::complete(tool, cloud);
        machine.uninstall(tool);
        assert_refused(&machine.xtask(&["deploy", cloud]), complaint);
    }
}

#[test]
fn a_missing_setting_or_credential_is_one_line_before_anything_is_built() {
    for (cloud, unset, complaint) in [
        ("aws", "AWS_REGION", "AWS_REGION or AWS_DEFAULT_REGION is not set"),
        (
            "aws",
            "AWS_PROFILE",
            "no credentials of AWS are found: aws configure",
        ),
        ("gcp", "TF_VAR_project", "TF_VAR_project is not set"),
        (
            "gcp",
            "GOOGLE_CREDENTIALS",
            "no credentials of Google Cloud are found: gcloud auth application-default login",
        ),
        ("azure", "ARM_SUBSCRIPTION_ID", "ARM_SUBSCRIPTION_ID is not set"),
        (
            "azure",
            "ARM_USE_MSI",
            "no credentials of Azure are found: az login",
        ),
    ] {
        for command in ["deploy", "destroy"] {
            let mut machine = Machine::complete(&format!("{command}-{unset}"), cloud);
            machine.unset(unset);
            assert_refused(&machine.xtask(&[command, cloud]), complaint);
        }
    }
}

#[test]
fn settings_of_a_backend_that_are_not_there_are_one_line_too() {
    let machine = Machine::complete("backend", "aws");
    let ended = machine.xtask(&["deploy", "aws", "--backend-config", "/absent/state.tfbackend"]);
    assert_refused(
        &ended,
        "--backend-config: there is no file /absent/state.tfbackend",
    );
}
