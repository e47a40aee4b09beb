# CGI: a head, an empty line, a body. What was asked is in variables (RFC 3875).
printf 'Content-Type: text/plain\n\n'
printf 'You asked %s for %s by %s.\n' "$SERVER_NAME" "$SCRIPT_NAME" "$REQUEST_METHOD"
date -u +'It is %Y-%m-%d %H:%M:%S UTC.'
