{{- define "crossfade.fullname" -}}
{{- if contains "crossfade" .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-crossfade" (.Release.Name | trunc 40 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "crossfade.selectorLabels" -}}
app.kubernetes.io/name: crossfade
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "crossfade.labels" -}}
{{ include "crossfade.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "crossfade.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "crossfade.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "crossfade.flagsConfigMap" -}}
{{- default (printf "%s-flags" (include "crossfade.fullname" .)) .Values.flags.existingConfigMap -}}
{{- end -}}

{{/* crossfade.yaml. Numbers pass only through toYaml: printed by a template, large ones become 1e+06, which is refused. */}}
{{- define "crossfade.config" -}}
{{- if not .Values.users -}}
{{- fail "users: at least one is required" -}}
{{- end -}}
{{- $config := deepCopy .Values.config -}}
{{- $listen := dict "address" (printf "0.0.0.0:%d" (int .Values.ports.mysql)) -}}
{{- if ne .Values.listenTls.mode "disabled" -}}
{{- $_ := set $listen "tls" (dict "mode" .Values.listenTls.mode "cert" "/etc/crossfade/tls/tls.crt" "key" "/etc/crossfade/tls/tls.key") -}}
{{- end -}}
{{- $_ := set $config "listen" (list $listen) -}}
{{- $_ := set $config "admin" (dict "address" (printf "0.0.0.0:%d" (int .Values.ports.admin)) "token_file" "/etc/crossfade/admin/token") -}}
{{- $_ := set $config "state_dir" "/var/lib/crossfade" -}}
{{- $_ := set $config "flags" (dict "file" "/etc/crossfade/flags/flags.yaml") -}}
{{- $backends := dict -}}
{{- range $side := list "old" "new" -}}
{{- $backend := deepCopy (index $.Values.backends $side) -}}
{{- $_ := required (printf "backends.%s.address is required" $side) $backend.address -}}
{{- $tls := index $.Values.backendTls $side -}}
{{- if ne $tls.mode "disabled" -}}
{{- $settings := dict "mode" $tls.mode -}}
{{- if $tls.caSecret -}}
{{- $_ := set $settings "ca" (printf "/etc/crossfade/ca-%s/ca.crt" $side) -}}
{{- end -}}
{{- $_ := set $backend "tls" $settings -}}
{{- end -}}
{{- $_ := set $backends $side $backend -}}
{{- end -}}
{{- $_ := set $config "backends" $backends -}}
{{- $_ := set $config "control" (dict "schema" .Values.control.schema
      "old" (dict "user" .Values.control.oldUser "password_env" "CROSSFADE_OLD_PASSWORD")
      "new" (dict "user" .Values.control.newUser "password_env" "CROSSFADE_NEW_PASSWORD")) -}}
{{- $users := list -}}
{{- range $i, $user := .Values.users -}}
{{- $entry := dict "name" $user.name "password_env" (printf "CROSSFADE_USER_%d_PASSWORD" $i) -}}
{{- range $side := list "old" "new" -}}
{{- $other := index $user $side -}}
{{- if $other -}}
{{- $account := dict -}}
{{- if $other.user -}}
{{- $_ := set $account "user" $other.user -}}
{{- end -}}
{{- if $other.passwordKey -}}
{{- $_ := set $account "password_env" (printf "CROSSFADE_USER_%d_%s_PASSWORD" $i (upper $side)) -}}
{{- end -}}
{{- $_ := set $entry $side $account -}}
{{- end -}}
{{- end -}}
{{- $users = append $users $entry -}}
{{- end -}}
{{- $_ := set $config "users" $users -}}
{{- $limits := deepCopy (default dict $config.limits) -}}
{{- $_ := set $limits "drain_timeout" (printf "%ds" (int .Values.drainTimeoutSeconds)) -}}
{{- $_ := set $config "limits" $limits -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "crossfade.secretEnv" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}
