# One validator on this machine, for a devnet: `terraform apply` starts it, it registers itself and joins the set;
# `terraform destroy` makes it leave. No provider is needed: `terraform_data` is built in.
#
#   icc devnet --folder /tmp/net
#   terraform init && terraform apply -var icc=$PWD/target/debug/icc -var devnet=/tmp/net -var folder=/tmp/mine

terraform {
  required_version = ">= 1.4"
}

variable "icc" {
  description = "The program, by its absolute path."
  type        = string
}

variable "devnet" {
  description = "The devnet's folder (`icc devnet --folder`)."
  type        = string
}

variable "folder" {
  description = "Where the validator's key, configuration, journal and log go, by its absolute path. The key stays there after a destroy: the bond is paid out to it."
  type        = string
}

variable "port" {
  description = "Where it serves its signatures, on 127.0.0.1."
  type        = number
  default     = 18090
}

variable "bond" {
  description = "What it bonds, in whole coins of the hub."
  type        = string
  default     = "10"
}

resource "terraform_data" "validator" {
  # What the destroy needs has to be kept in the state.
  input = {
    icc    = var.icc
    devnet = var.devnet
    folder = var.folder
    port   = tostring(var.port)
    bond   = var.bond
  }

  provisioner "local-exec" {
    command     = "${path.module}/join.sh"
    environment = self.input
  }

  provisioner "local-exec" {
    when        = destroy
    command     = "${path.module}/leave.sh"
    environment = self.input
  }
}

output "url" {
  description = "Where the validator serves."
  value       = "http://127.0.0.1:${terraform_data.validator.output.port}"
}
