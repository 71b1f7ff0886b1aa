# `make help` says what there is. Paths may hold spaces: everything is relative to this folder.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= $(firstword $(foreach name,python3.13 python3.12 python3.11 python3,$(if $(shell $(name) -c 'import sys; exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo yes),$(name))))
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH :=
export BENTOML_DO_NOT_TRACK := true
export OMP_NUM_THREADS ?= 1

CONTAINER ?= $(if $(shell command -v podman 2>/dev/null),podman,docker)
# A pip.conf of your own, if the default index is out of reach: the build sees it, the image does not keep it.
BUILD = $(CONTAINER) build $(if $(PIP_CONFIG_FILE),--secret "id=pip$(,)src=$(PIP_CONFIG_FILE)")
, := ,

LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
  --generate-hashes --no-emit-index-url --no-header --no-annotate

.PHONY: help setup run test check docs docs-test cluster-test image bench protos lock

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/ready ## everything into .venv

.venv/ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Casa needs Python 3.11, 3.12 or 3.13 with venv; on Debian: apt install python3 python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch .venv/ready

run: setup ## a model if there is none, then the service on http://127.0.0.1:3000
	@casa train --quick --if-missing
	@exec casa serve

test: setup ## all tests but those of the documentation
	@python -m pytest

check: setup ## format, lint, types, dead code
	@ruff format --check .
	@ruff check .
	@mypy
	@vulture

docs: setup ## the documentation as a site, in site/, with pictures of the pages where Chromium is installed
	@rm -rf build/pictures
	@python -m pytest tests/web/test_pictures.py --no-cov -n 0
	@NO_MKDOCS_2_WARNING=1 python -m mkdocs build --quiet --strict

docs-test: setup ## the commands of the README and of docs/, and the site
	@python -m pytest tests/docs --no-cov -n 0

image: setup ## the images localhost/casa:dev and localhost/casa-pipeline:dev, by podman or docker
	@casa train --quick --if-missing
	@mkdir -p build && rm -f build/casa.bento
	bentoml build --output tag
	bentoml export casa:latest "$(CURDIR)/build/casa.bento"
	$(BUILD) --file casa/Dockerfile --tag localhost/casa:dev .
	$(BUILD) --file pipeline/Dockerfile --build-arg "REVISION=$$(git describe --always --abbrev=40 --dirty=+ --exclude='*' || true)" --tag localhost/casa-pipeline:dev .

cluster-test: setup ## the images, and the chart on the cluster that KUBECONFIG leads to
	@python -m pytest tests/images tests/cluster --no-cov -n 0

bench: setup ## speed, memory and model quality, each beside a reference measured in the same run
	@python -m benchmarks

protos: setup ## the gRPC code anew, from the .proto files
	python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. casa/transports/protos/*.proto

lock: setup ## requirements.lock anew: the newest versions that resolve together, with hashes and without addresses
	$(LOCK) --upgrade --all-extras --output-file requirements.lock
	$(LOCK) --extra serve --constraint requirements.lock --output-file casa/requirements.txt
	$(LOCK) --extra serve --extra train --extra cluster --constraint requirements.lock --output-file pipeline/requirements.txt
