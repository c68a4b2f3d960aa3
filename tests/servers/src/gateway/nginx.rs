//! nginx.

/// `-e` names the log that is used before the configuration is read.
pub(super) const ARGS: [&str; 6] = ["-p", "./", "-e", "stderr", "-c", "config"];

pub(super) fn complete(http: &str) -> String {
    format!(
        "daemon off;
        master_process off;
        pid pid;
        error_log stderr warn;
        events {{}}
        http {{
            access_log off;
            client_body_temp_path body;
            proxy_temp_path proxy;
            fastcgi_temp_path fastcgi;
            uwsgi_temp_path uwsgi;
            scgi_temp_path scgi;
            {http}
        }}"
    )
}
