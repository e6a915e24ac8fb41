{{- define "emotion.labels" -}}
app.kubernetes.io/name: emotion-api
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "emotion.api.image" -}}
{{- with .Values.api.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "emotion.check" -}}
{{- $many := or .Values.api.autoscaling.enabled (gt (int .Values.api.replicas) 1) -}}
{{- if and $many .Values.storage.create (ne .Values.storage.accessMode "ReadWriteMany") -}}
{{- fail "storage.accessMode must be ReadWriteMany: several pods share the folder of uploads; or set api.replicas to 1 and api.autoscaling.enabled to false" -}}
{{- end -}}
{{- end }}
