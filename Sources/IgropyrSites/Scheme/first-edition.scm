;;; Igropyr's first edition, by the names of its manual: for programs that were written for it.

(define-module (igropyr http)
  #:use-module (igropyr spiffy)
  #:use-module (ice-9 binary-ports)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-11)
  #:export (server request set response errorpage par header-parser path-parser)
  #:replace (listen sendfile))

;; What the program has told of itself: (get post settings).
(define served #f)

(define (server get post settings address)
  (set! served (list get post (append settings address))))

;; Of (request header, path, query or payload) to a whole response.
(define (request callback) callback)

;; (set ('staticpath "/srv/www") ...), of the names staticpath, connection (or connections, as in the manual's example) and keepalive.
(define-syntax-rule (set (name value) ...)
  (list (cons name value) ...))

;; (listen), (listen ip), (listen port), (listen ip port).
(define listen
  (case-lambda
    (() '())
    ((one) (list (if (string? one) (cons 'ip one) (cons 'port one))))
    ((ip port) (list (cons 'ip ip) (cons 'port port)))))

;;; Responses, head and all

(define (head status type cookie)
  (string-append "HTTP/1.1 " (number->string status) "\r\nContent-Type: " type
                 (if (string-null? cookie) "" (string-append "\r\nSet-Cookie: " cookie))
                 "\r\n\r\n"))

;; The content is a text, or a list of a cookie and a text.
(define (response status type content)
  (for-each check-line (cons type (if (pair? content) (list (car content)) '())))
  (if (pair? content)
      (string-append (head status type (car content)) (cadr content))
      (string-append (head status type "") content)))

(define (check-line text)
  (when (string-any (char-set #\return #\newline #\nul) text)
    (error "a field of the response would break its head:" text)))

(define* (errorpage code #:optional (message ""))
  (response code "text/html"
            (string-append "<!DOCTYPE html>\n<html><head><title>" (number->string code) "</title></head>\n<body><h1>"
                           (number->string code) "</h1>\n<p>" (htmlize message) "</p></body></html>\n")))

;; Bytes of files by the texts that stand for them: a text has no room for bytes.
(define files (make-weak-key-hash-table))

;; The type "" is that of the file's end.
(define (sendfile type file)
  (if (and (file-exists? file) (eq? (stat:type (stat file)) 'regular))
      (let ((text (string-copy (head 200 (if (string-null? type) (type-of file) type) ""))))
        (hashq-set! files text (call-with-input-file file get-bytevector-all #:binary #t))
        text)
      (errorpage 404)))

(define types
  '(("html" . "text/html") ("htm" . "text/html") ("css" . "text/css") ("txt" . "text/plain")
    ("js" . "text/javascript") ("json" . "application/json") ("xml" . "application/xml") ("pdf" . "application/pdf")
    ("png" . "image/png") ("jpg" . "image/jpeg") ("jpeg" . "image/jpeg") ("gif" . "image/gif")
    ("svg" . "image/svg+xml") ("ico" . "image/vnd.microsoft.icon") ("woff2" . "font/woff2")))

(define (type-of file)
  (let ((dot (string-rindex file #\.)))
    (or (and dot (assoc-ref types (string-downcase (substring file (+ dot 1))))) "application/octet-stream")))

;;; Paths and fields

;; A star stands for all up to the next slash.
(define (par router path)
  (let ((router-end (string-length router)) (path-end (string-length path)))
    (let next ((i 0) (j 0))
      (cond ((= i router-end) (= j path-end))
            ((char=? (string-ref router i) #\*) (next (+ i 1) (or (string-index path #\/ j) path-end)))
            ((= j path-end) #f)
            (else (and (char=? (string-ref router i) (string-ref path j)) (next (+ i 1) (+ j 1))))))))

(define (header-parser header key)
  (define (value line)
    (let ((colon (string-index line #\:)))
      (and colon (string-ci=? (substring line 0 colon) key) (string-trim-both (substring line (+ colon 1))))))
  (or (any value (string-split header #\newline)) ""))

(define (path-parser path index)
  (let ((names (remove string-null? (string-split path #\/))))
    (if (< -1 index (length names)) (list-ref names index) "")))
