;;; What pages see of their request and say of their response, under the names of Spiffy, intarweb and uri-common.

(define-module (igropyr spiffy)
  #:use-module (ice-9 binary-ports)
  #:use-module (ice-9 control)
  #:use-module (ice-9 format)
  #:use-module (ice-9 iconv)
  #:use-module (ice-9 textual-ports)
  #:use-module (rnrs bytevectors)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-9)
  #:export (uri? uri-scheme uri-host uri-port uri-path uri-query uri->string uri-reference
            request? request-method request-uri request-major request-minor request-headers request-port
            update-request read-urlencoded-request-data
            response? response-code response-reason response-headers response-port update-response
            headers header-value header-values
            current-request current-response current-file current-pathinfo current-workdir root-path
            remote-address local-address remote-user secure-connection? server-port
            ssp-exit-handler with-headers write-logged-response send-response send-status send-static-file
            restart-request htmlize log-to access-log error-log debug-log
            printf fprintf sprintf user-information current-user-id)
  #:replace (raise))

;;; Codings

;; What is no UTF-8 is replaced; the common case takes a tenth of the time.
(define (utf8->text bytes)
  (or (false-if-exception (utf8->string bytes)) (bytevector->string bytes "UTF-8" 'substitute)))

(define (hex-pair? text i)
  (and (< (+ i 2) (string-length text))
       (string-every char-set:hex-digit text (+ i 1) (+ i 3))))

(define (collecting-bytes write)
  (call-with-values open-bytevector-output-port
    (lambda (port contents) (write port) (contents))))

(define* (percent-decode text #:key (plus? #f))
  (define (put port)
    (let next ((i 0))
      (when (< i (string-length text))
        (let ((c (string-ref text i)))
          (cond ((and (char=? c #\%) (hex-pair? text i))
                 (put-u8 port (string->number (substring text (+ i 1) (+ i 3)) 16))
                 (next (+ i 3)))
                (else
                 (put-bytevector port (string->utf8 (if (and plus? (char=? c #\+)) " " (string c))))
                 (next (+ i 1))))))))
  (utf8->text (collecting-bytes put)))

(define unreserved (string->char-set "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"))

(define (percent-encode text)
  (define (encoded byte)
    (let ((c (integer->char byte)))
      (if (char-set-contains? unreserved c) (string c) (string-upcase (format #f "%~2,'0x" byte)))))
  (string-concatenate (map encoded (bytevector->u8-list (string->utf8 text)))))

(define (form-decode text)
  (define (pair part)
    (let ((equals (string-index part #\=)))
      (cons (string->symbol (percent-decode (substring part 0 (or equals (string-length part))) #:plus? #t))
            (or (not equals) (percent-decode (substring part (+ equals 1)) #:plus? #t)))))
  (map pair (remove string-null? (string-split text #\&))))

(define (htmlize text)
  (define (escaped c)
    (case c
      ((#\&) "&amp;") ((#\<) "&lt;") ((#\>) "&gt;") ((#\") "&quot;") ((#\') "&#39;")
      (else (string c))))
  (string-concatenate (map escaped (string->list text))))

;;; URIs

(define-record-type <uri>
  (make-uri scheme host port path query)
  uri?
  (scheme uri-scheme)
  (host uri-host)
  (port uri-port)
  ;; (/ "a" "b.ssp"), decoded; the last is empty if the path ends with a slash.
  (path uri-path)
  ;; ((name . "value") ...), #t for a name without a value.
  (query uri-query))

;; A path, maybe with a query.
(define* (uri-reference target #:optional (scheme #f) (host #f) (port #f))
  (let* ((mark (string-index target #\?))
         (path (substring target 0 (or mark (string-length target)))))
    (make-uri scheme host port
              (let ((names (map percent-decode (string-split path #\/))))
                (if (string-prefix? "/" path) (cons '/ (cdr names)) names))
              (if mark (form-decode (substring target (+ mark 1))) '()))))

(define (uri-target uri)
  (define (text value) (if (symbol? value) (symbol->string value) value))
  (define (argument pair)
    (string-append (percent-encode (text (car pair)))
                   (if (string? (cdr pair)) (string-append "=" (percent-encode (cdr pair))) "")))
  (let ((path (uri-path uri)) (query (uri-query uri)))
    (string-append "/"
                   (string-join (map percent-encode (if (and (pair? path) (eq? (car path) '/)) (cdr path) path)) "/")
                   (if (null? query) "" (string-append "?" (string-join (map argument query) "&"))))))

(define (uri->string uri)
  (let ((scheme (uri-scheme uri)) (host (uri-host uri)) (port (uri-port uri)))
    (string-append (if host (format #f "~a://~a" scheme host) "")
                   (if (and host port (not (eqv? port (if (eq? scheme 'https) 443 80)))) (format #f ":~a" port) "")
                   (uri-target uri))))

;;; Fields

;; Of ((name value ...) ...), where a value is text, a symbol, a number, a pair (name=value) or a vector of one of these and its
;; parameters; added to others, whose namesakes give way.
(define* (headers fields #:optional (others '()))
  (fold (lambda (field others)
          (let ((name (car field)))
            (append (if (eq? name 'set-cookie) others (remove (lambda (other) (eq? (car other) name)) others))
                    (field-lines name (map field-text (cdr field))))))
        others fields))

(define (field-lines name texts)
  (for-each (lambda (text) (check-field name text)) texts)
  (if (eq? name 'set-cookie)
      (map (lambda (text) (cons name text)) texts)
      (list (cons name (string-join texts ", ")))))

(define (check-field name text)
  (when (or (string-any (char-set #\return #\newline #\nul) text)
            (string-any (char-set #\return #\newline #\nul #\: #\space) (symbol->string name)))
    (error "a field of the response would break its head:" name text)))

;; A vector is a value and its parameters: #(text/html ((charset . utf-8))).
(define (field-text value)
  (cond ((vector? value)
         (string-join (map field-text (cons (vector-ref value 0)
                                            (if (> (vector-length value) 1) (or (vector-ref value 1) '()) '())))
                      "; "))
        ((and (pair? value) (eq? (cdr value) #t)) (format #f "~a" (car value)))
        ((pair? value) (format #f "~a=~a" (car value) (cdr value)))
        (else (format #f "~a" value))))

(define (header-values name fields)
  (filter-map (lambda (field) (and (eq? (car field) name) (cdr field))) fields))

(define* (header-value name fields #:optional (default #f))
  (let ((values (header-values name fields))) (if (null? values) default (car values))))

;;; Requests and responses

(define-record-type <request>
  (make-request method uri major minor headers port)
  request?
  (method request-method)
  (uri request-uri)
  (major request-major)
  (minor request-minor)
  (headers request-headers)
  (port request-port))

(define* (update-request request #:key
                         (method (request-method request)) (uri (request-uri request))
                         (major (request-major request)) (minor (request-minor request))
                         (headers (request-headers request)) (port (request-port request)))
  (make-request method uri major minor headers port))

(define* (read-urlencoded-request-data #:optional (request (current-request)) limit)
  (form-decode (utf8->text (let ((bytes (get-bytevector-all (request-port request))))
                             (if (eof-object? bytes) #vu8() bytes)))))

(define-record-type <response>
  (make-response code reason headers port)
  response?
  (code response-code)
  (reason response-reason)
  (headers response-headers)
  (port response-port))

(define* (update-response response #:key
                          (code (response-code response)) (reason (response-reason response))
                          (headers (response-headers response)) (port (response-port response)))
  (make-response code reason headers port))

(define current-request (make-parameter #f))
(define current-response (make-parameter #f))
(define current-file (make-parameter #f))
(define current-pathinfo (make-parameter '()))
(define current-workdir (make-parameter #f))
(define root-path (make-parameter #f))
(define remote-address (make-parameter #f))
(define local-address (make-parameter #f))
(define remote-user (make-parameter #f))
(define secure-connection? (make-parameter #f))
(define server-port (make-parameter #f))
(define ssp-exit-handler (make-parameter #f))

;; What has been decided on, though the page goes on: a response, the target to start again with, or the pieces of all of it.
(define decided (make-parameter #f))
;; Of the page: forgets what was written.
(define discard-output (make-parameter #f))

(define (with-headers new thunk)
  (let ((response (current-response)))
    (parameterize ((current-response (update-response response #:headers (headers new (response-headers response)))))
      (thunk))))

(define (write-logged-response)
  (unless (decided) (decided (current-response))))

(define* (send-response #:key (code 200) (reason #f) (body #f) (headers '()))
  ((discard-output))
  (with-headers headers
    (lambda ()
      (decided (update-response (current-response) #:code code #:reason reason))))
  (when body (display body))
  ((ssp-exit-handler)))

(define* (send-status code reason #:optional (message ""))
  (let ((title (htmlize (format #f "~a ~a" code reason))))
    (send-response #:code code #:reason reason #:headers '((content-type text/html))
                   #:body (string-append "<!DOCTYPE html>\n<html><head><title>" title "</title></head>\n<body><h1>" title
                                         "</h1>\n<p>" message "</p></body></html>\n"))))

(define (restart-request request)
  (decided (uri-target (request-uri request)))
  ((ssp-exit-handler)))

;; The server sends it, by the rules there are for it.
(define (send-static-file name)
  (define path (make-uri #f #f #f (cons '/ (remove string-null? (string-split name #\/))) '()))
  (restart-request (update-request (current-request) #:uri path)))

;;; Logs: all go where the server's error log is.

(define (access-log) (current-error-port))
(define (error-log) (current-error-port))
(define (debug-log) (current-error-port))

(define (log-to log text . rest)
  (apply format log text rest)
  (newline log))

;;; What Chicken has besides

(define (raise thing) (raise-exception thing))  ; Guile's own sends a signal.
(define (printf text . rest) (apply format #t text rest))
(define (fprintf port text . rest) (apply format port text rest))
(define (sprintf text . rest) (apply format #f text rest))
(define (current-user-id) (getuid))
(define (user-information user)
  (let ((entry (false-if-exception (getpw user))))
    (and entry (list (passwd:name entry) (passwd:passwd entry) (passwd:uid entry) (passwd:gid entry)
                     (passwd:gecos entry) (passwd:dir entry) (passwd:shell entry)))))
