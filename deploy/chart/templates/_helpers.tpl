{{/* Labels that select the pods of a part: include "emotion.labels" (list . "api") */}}
{{- define "emotion.labels" -}}
app.kubernetes.io/name: emotion-{{ index . 1 }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
{{- end }}

{{- define "emotion.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end -}}
{{- end }}

{{- define "emotion.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "emotion.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* From where pods of the service and the dashboard may be asked. */}}
{{- define "emotion.from" -}}
{{- range .Values.networkPolicy.namespaces }}
- namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ . }}
{{- end }}
{{- end }}

{{/* What both may ask: names, and the web without private networks (addresses of recordings, webhooks, object stores, Snowflake). */}}
{{- define "emotion.egress" -}}
- to:
    - namespaceSelector: {}
      podSelector:
        matchLabels:
          k8s-app: kube-dns
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: {{- toYaml (append .Values.networkPolicy.privateNetworks "169.254.0.0/16") | nindent 10 }}
  ports:
    - port: 80
    - port: 443
{{- end }}

{{- define "emotion.check" -}}
{{- $many := or .Values.api.autoscaling.enabled (gt (int .Values.api.replicas) 1) -}}
{{- if and $many .Values.storage.create (ne .Values.storage.accessMode "ReadWriteMany") -}}
{{- fail "storage.accessMode must be ReadWriteMany: several pods share the folder of uploads; or set api.replicas to 1 and api.autoscaling.enabled to false" -}}
{{- end -}}
{{- if and .Values.dashboard.enabled .Values.ingress.enabled (not .Values.dashboard.authSecretName) (not .Values.dashboard.ingressAnnotations) -}}
{{- fail "the dashboard shows what people said to everybody who reaches it: name a Secret in dashboard.authSecretName, or put in front who asks for a login with dashboard.ingressAnnotations" -}}
{{- end -}}
{{- end }}
