{{/* Names and labels, from one place. What has a component is called by (dict "root" $ "component" "mlflow"). */}}

{{- define "casa.selector" -}}
app.kubernetes.io/name: casa
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "casa.labels" -}}
{{ include "casa.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{/* An image's name, by (dict "root" $ "image" {repository, tag, digest}). */}}
{{- define "casa.image" -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ with .image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* The Secret with keys.json, pepper, test-key and rollout-key. */}}
{{- define "casa.keys" -}}
{{ .Values.keys.existingSecret | default (printf "%s-keys" .Release.Name) }}
{{- end }}

{{/* The Secret with the database's url and MLflow's mlflow-url. */}}
{{- define "casa.database" -}}
{{- if .Values.postgres.enabled -}}
{{ .Release.Name }}-postgres
{{- else -}}
{{ required "postgres.existingSecret must name a Secret with url and mlflow-url, since postgres.enabled is false" .Values.postgres.existingSecret }}
{{- end }}
{{- end }}

{{/* The Secret with the url of Redis; empty where there is none. */}}
{{- define "casa.redis" -}}
{{ ternary (printf "%s-redis" .Release.Name) .Values.redis.existingSecret .Values.redis.enabled }}
{{- end }}

{{/* The address of MLflow; empty where there is none. */}}
{{- define "casa.mlflow" -}}
{{ ternary (printf "http://%s-mlflow:5000" .Release.Name) .Values.mlflow.url .Values.mlflow.enabled }}
{{- end }}

{{/* The names under which the MLflow server may be asked: its Service's, and a port-forward's. */}}
{{- define "casa.mlflowHosts" -}}
{{- $name := printf "%s-mlflow" .Release.Name }}
{{- $names := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) }}
{{- range $names }}{{ . }}:5000,{{ end }}localhost:*,127.0.0.1:*
{{- range .Values.mlflow.allowedHosts }},{{ . }}{{ end }}
{{- end }}
