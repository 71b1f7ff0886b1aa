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
COMPOSE ?= $(if $(filter podman,$(CONTAINER)),podman-compose,docker compose)
# A pip.conf of your own, if the default index is out of reach: the build sees it, the image does not keep it.
BUILD = $(CONTAINER) build $(if $(PIP_CONFIG_FILE),--secret "id=pip$(,)src=$(PIP_CONFIG_FILE)")
, := ,

LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
  --generate-hashes --no-emit-index-url --no-header --no-annotate

BASE ?= main
TAG ?= dev
RELEASE ?= casa
NAMESPACE ?= casa
RUN ?= $(shell date +%s)

.PHONY: help setup run test check docs docs-test cluster-test image bench compare protos lock train champion retrain report \
  sbom licences audit dist release push deploy retrain-cluster \
  up down retrain-compose container

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 17

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
	@python -m pytest $(if $(TESTS),--no-cov $(TESTS))

check: setup ## format, lint, types, dead code, workflows
	@ruff format --check .
	@ruff check .
	@mypy
	@vulture
	@zizmor --quiet --offline .github

docs: setup ## the documentation as a site, in site/, with pictures of the pages where Chromium is installed
	@rm -rf build/pictures
	@python -m pytest tests/web/test_pictures.py --no-cov -n 0
	@NO_MKDOCS_2_WARNING=1 python -m mkdocs build --quiet --strict

docs-test: setup ## the commands of the README and of docs/, the steps of the workflows, and the site
	@python -m pytest tests/docs --no-cov -n 0

container:
	@command -v $(CONTAINER) >/dev/null || { echo "this needs podman or docker; CONTAINER=… says which" >&2; exit 1; }

image: setup container ## the images localhost/casa:dev and localhost/casa-pipeline:dev, by podman or docker
	@casa train --quick --if-missing
	@mkdir -p build && rm -f build/casa.bento
	bentoml build --output tag
	bentoml export casa:latest "$(CURDIR)/build/casa.bento"
	$(BUILD) --file casa/Dockerfile --tag localhost/casa:dev .
	$(BUILD) --file pipeline/Dockerfile --build-arg "REVISION=$$(python -c 'from pipeline.lineage import revision; print(revision() or "")')" --tag localhost/casa-pipeline:dev .

cluster-test: setup ## the images, compose.yaml, and the chart on the cluster that KUBECONFIG leads to
	@python -m pytest tests/images tests/compose tests/cluster --no-cov -n 0

up: setup container ## Casa, MLflow, PostgreSQL and Redis in containers; images, passwords and a key are made at first
	@$(CONTAINER) image inspect localhost/casa:dev localhost/casa-pipeline:dev >/dev/null 2>&1 || $(MAKE) image
	@python -m delivery.machine $(COMPOSE)

down: setup ## end what `make up` started; what it keeps stays for the next
	@$(COMPOSE) --profile retrain down

retrain-compose: setup ## a retraining in a container, then a start with the champion; arguments: ARGS
	@$(COMPOSE) --profile retrain run --rm -T retrain $(ARGS)
	@$(COMPOSE) restart casa
	@python -m delivery.machine $(COMPOSE)

bench: setup ## speed, memory and model quality, each beside a reference measured in the same run
	@python -m benchmarks

compare: setup ## speed beside that of the revision BASE, in one run; a loss of 15 % fails
	@casa train --quick --if-missing
	@python -m benchmarks.compare $(BASE)

train: setup ## the pipeline: what has changed is made anew
	@dvc repro

champion: setup ## the pipeline's model becomes champion, if it is better
	@casa train

retrain: setup ## a model of what is known now becomes champion, if it is better
	@casa retrain --no-rollout

report: setup ## metrics and plots beside those of the revision BASE: build/report
	@mkdir -p build/report
	dvc plots diff $(BASE) --out build/report/plots
	{ printf '### Metrics beside %s\n\n' '$(BASE)'; dvc metrics diff --all --md $(BASE); } > build/report/report.md

sbom: setup ## what the lock and both images hold, as CycloneDX: build/sbom
	@python -m delivery.sbom --container $(CONTAINER)

licences: setup ## the licence of every package: build/licences.md
	@python -m delivery.licences

audit: setup ## does a package of the lock have a known hole?
	@python -m delivery.audit

dist: setup ## wheel and sdist, the same bytes from the same commit: dist
	@python -m delivery.dist dist

release: setup ## all of VERSION: changelog, commit, packages, images, chart, SBOMs, tag; nothing is pushed
	@python -m delivery.release --container $(CONTAINER) $(VERSION)

push: ## by podman: the images to REGISTRY under TAG; their digests: build/*.digest
	@mkdir -p build
	podman push --digestfile build/casa.digest localhost/casa:dev $(REGISTRY)/casa:$(TAG)
	podman push --digestfile build/casa-pipeline.digest localhost/casa-pipeline:dev $(REGISTRY)/casa-pipeline:$(TAG)

deploy: ## the pushed images on KUBECONFIG's cluster, with the values it has: upgrade, smoke test, and back if either fails
	helm upgrade --install $(RELEASE) helm/casa --namespace $(NAMESPACE) --create-namespace --atomic --timeout 15m \
	  --reset-then-reuse-values \
	  $(if $(VALUES),--values '$(VALUES)') \
	  --set image.repository=$(REGISTRY)/casa,image.tag=$(TAG),image.digest=$(DIGEST) \
	  --set pipelineImage.repository=$(REGISTRY)/casa-pipeline,pipelineImage.tag=$(TAG),pipelineImage.digest=$(PIPELINE_DIGEST)
	helm test $(RELEASE) --namespace $(NAMESPACE) \
	  || { helm rollback $(RELEASE) --namespace $(NAMESPACE) --wait --timeout 15m; exit 1; }

retrain-cluster: ## the cluster's weekly retraining, now
	kubectl --namespace $(NAMESPACE) create job --from=cronjob/$(RELEASE)-retrain $(RELEASE)-retrain-$(RUN)
	kubectl --namespace $(NAMESPACE) logs --follow --pod-running-timeout=10m job/$(RELEASE)-retrain-$(RUN)
	kubectl --namespace $(NAMESPACE) wait --for=condition=complete --timeout=2m job/$(RELEASE)-retrain-$(RUN)

protos: setup ## the gRPC code anew, from the .proto files
	python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. --grpc_python_out=. casa/transports/protos/*.proto

lock: setup ## requirements.lock anew: the newest versions that resolve together, with hashes and without addresses
	$(LOCK) --upgrade --all-extras --output-file requirements.lock
	$(LOCK) --extra serve --constraint requirements.lock --output-file casa/requirements.txt
	$(LOCK) --extra serve --extra train --extra cluster --constraint requirements.lock --output-file pipeline/requirements.txt
