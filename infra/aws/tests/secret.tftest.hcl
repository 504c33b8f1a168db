# The root credential's secret key over its life: made once, written never again, replaced when that is asked for.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { id = "eu-north-1" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/bleepstore" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:eu-north-1:123456789012:function:bleepstore" }
  }
}

variables {
  package             = "versions.tf" # any file
  deletion_protection = false
}

run "the_first_is_in_no_state" {
  assert {
    condition     = keys(aws_ssm_parameter.root_secret_key) == ["1"] && aws_lambda_function.bleepstore.environment[0].variables.BLEEPSTORE_SECRET_KEY_PARAMETER == "/bleepstore/root-secret-key"
    error_message = "There must be one secret key, under the name that it always had."
  }
}

run "the_next_one_is_another_and_both_are_accepted" {
  variables {
    root_secret_version    = 2
    accept_previous_secret = true
  }

  assert {
    condition = { for name, value in aws_lambda_function.bleepstore.environment[0].variables : name => value if strcontains(name, "SECRET") } == {
      BLEEPSTORE_SECRET_KEY_PARAMETER          = "/bleepstore/root-secret-key-2"
      BLEEPSTORE_SECRET_KEY_PREVIOUS_PARAMETER = "/bleepstore/root-secret-key"
    }
    error_message = "The function must be told both."
  }
  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.root_secret.statement : statement if statement.sid == "RootSecretKey"]).resources) == toset([for parameter in aws_ssm_parameter.root_secret_key : parameter.arn])
    error_message = "The function must be able to read both."
  }
}

run "the_one_before_goes_at_last" {
  variables {
    root_secret_version = 2
  }

  assert {
    condition     = keys(aws_ssm_parameter.root_secret_key) == ["2"] && { for name, value in aws_lambda_function.bleepstore.environment[0].variables : name => value if strcontains(name, "SECRET") } == { BLEEPSTORE_SECRET_KEY_PARAMETER = "/bleepstore/root-secret-key-2" }
    error_message = "The secret key before must go, and the newest stay."
  }
}

run "a_secret_key_before_the_first_one_cannot_be_accepted" {
  command = plan

  variables {
    accept_previous_secret = true
  }

  expect_failures = [var.accept_previous_secret]
}
