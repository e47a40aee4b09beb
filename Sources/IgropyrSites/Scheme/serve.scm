;;; Answers the server's requests, one after the other, on one socket.

(define-module (igropyr serve)
  #:use-module (igropyr spiffy)
  #:use-module (igropyr html)
  #:use-module (igropyr pages)
  #:use-module (igropyr failures)
  #:use-module (igropyr records)
  #:use-module (ice-9 binary-ports)
  #:use-module (ice-9 control)
  #:use-module (rnrs bytevectors)
  #:use-module (srfi srfi-1)
  #:export (serve tell-settings))

;; What pages have no use for.
(define make-request (@@ (igropyr spiffy) make-request))
(define make-response (@@ (igropyr spiffy) make-response))
(define decided (@@ (igropyr spiffy) decided))
(define check-field (@@ (igropyr spiffy) check-field))
(define utf8->text (@@ (igropyr spiffy) utf8->text))
(define discard-output (@@ (igropyr spiffy) discard-output))

;;; What a page writes

;; A port, what was written to it as a list of pieces, and what forgets that. More than the limit is an error.
(define (make-page-output limit)
  (let ((pieces '()) (size 0))
    (define (write bytes start count)
      (set! size (+ size count))
      (when (> size limit) (set! pieces '()) (error "the page writes more bytes than it may:" limit))
      (let ((piece (make-bytevector count)))
        (bytevector-copy! bytes start piece 0 count)
        (set! pieces (cons piece pieces))
        count))
    (let ((port (make-custom-binary-output-port "page" write #f #f #f)))
      (set-port-encoding! port "UTF-8")
      (setvbuf port 'block 16384)
      (values port
              (lambda () (force-output port) (reverse pieces))
              (lambda () (force-output port) (set! pieces '()) (set! size 0))))))

;;; A request

(define (field-name variable)
  (string->symbol (string-map (lambda (c) (if (char=? c #\_) #\- (char-downcase c))) variable)))

(define (request-fields variables)
  (filter-map (lambda (variable)
                (let ((name (car variable)))
                  (cond ((string-prefix? "HTTP_" name) (cons (field-name (substring name 5)) (cdr variable)))
                        ((member name '("CONTENT_TYPE" "CONTENT_LENGTH")) (cons (field-name name) (cdr variable)))
                        (else #f))))
              variables))

(define (request-of variables body)
  (let* ((text (lambda (name) (or (assoc-ref variables name) "")))
         (version (or (string-index (text "SERVER_PROTOCOL") #\/) 0))
         (numbers (map string->number (string-split (substring (text "SERVER_PROTOCOL") (+ 1 version)) #\.)))
         (uri (uri-reference (text "IGROPYR_TARGET") (string->symbol (text "REQUEST_SCHEME")) (text "SERVER_NAME")
                             (string->number (text "SERVER_PORT")))))
    (make-request (string->symbol (text "REQUEST_METHOD")) uri (first numbers)
                  (if (null? (cdr numbers)) 0 (second numbers))
                  (request-fields variables) (open-bytevector-input-port body))))

(define (folder-of path) (substring path 0 (string-rindex path #\/)))

;; Calls the procedure with the page's file, and all of the request at hand.
(define (with-request variables body port discard run)
  (let* ((text (lambda (name) (assoc-ref variables name)))
         (file (or (text "IGROPYR_PROGRAM") (text "SCRIPT_FILENAME"))) (info (text "PATH_INFO")))
    (chdir (folder-of file))
    (parameterize ((current-request (request-of variables body))
                   (current-response (make-response 200 #f (headers '((content-type "text/html"))) port))
                   (decided #f) (discard-output discard)
                   (current-file (substring (text "SCRIPT_NAME") 1)) (current-workdir (folder-of file))
                   (current-pathinfo (if info (cdr (string-split info #\/)) '()))
                   (root-path (text "DOCUMENT_ROOT"))
                   (remote-address (text "REMOTE_ADDR")) (local-address (text "SERVER_ADDR"))
                   (remote-user (text "REMOTE_USER")) (secure-connection? (->bool (text "HTTPS")))
                   (server-port (string->number (text "SERVER_PORT")))
                   (page-tags (map text '("IGROPYR_TAG" "IGROPYR_LONG_TAG" "IGROPYR_CLOSE_TAG")))
                   (current-output-port port))
      (run file))))

;;; Its answer

(define (run-file kind file variables body)
  (cond ((string=? kind "ssp") ((page-code file)))
        ((string=? kind "program") (decided (program-answer (program file) variables body)))
        (else
         (let ((value ((file-code file))))
           (cond ((string? value) (display value))
                 ((or (pair? value) (null? value)) (write-html value)))))))

;; What a program of the first edition has told of itself, as long as its file stays the same.
(define (program file)
  (let ((code (file-code file)))
    (unless (and loaded (eq? (car loaded) code))
      (code)
      (set! loaded (cons code (or (@@ (igropyr http) served) (error "the program calls no (server ...):" file)))))
    (cdr loaded)))

(define loaded #f)

;; The pieces of the response that it makes of a header, a path, and a query or payload.
(define (program-answer program variables body)
  (let* ((text (lambda (name) (or (assoc-ref variables name) "")))
         (target (text "IGROPYR_TARGET")) (path (substring target 0 (or (string-index target #\?) (string-length target))))
         (answer (case (string->symbol (text "REQUEST_METHOD"))
                   ((GET HEAD) ((first program) (header-text variables) path (text "QUERY_STRING")))
                   (else ((second program) (header-text variables) path (utf8->text body))))))
    (unless (and (string? answer) (string-prefix? "HTTP/1." answer) (> (string-length answer) 9))
      (error "the program's answer is no response:" answer))
    (list (string->utf8 (string-append "Status: " (substring answer 9)))
          (hashq-ref (@@ (igropyr http) files) answer #vu8()))))

(define (header-text variables)
  (define (line field) (format #f "~a: ~a\r\n" (car field) (cdr field)))
  (string-append (assoc-ref variables "REQUEST_METHOD") " " (assoc-ref variables "IGROPYR_TARGET") " "
                 (assoc-ref variables "SERVER_PROTOCOL") "\r\n"
                 (string-concatenate (map line (request-fields variables))) "\r\n"))

(define (status-line response)
  (format #f "Status: ~a ~a" (response-code response)
          (string-filter (lambda (c) (char<=? #\space c #\~)) (format #f "~a" (or (response-reason response) "")))))

;; Text is in UTF-8 unless the page says otherwise.
(define (field-line field)
  (let ((value (cdr field)))
    (check-field (car field) value)
    (format #f "~a: ~a~a" (car field) value
            (if (and (eq? (car field) 'content-type) (string-prefix-ci? "text/" value)
                     (not (string-contains-ci value "charset=")))
                "; charset=utf-8" ""))))

(define (head-of response)
  (string->utf8 (string-append (string-join (cons (status-line response) (map field-line (response-headers response)))
                                            "\r\n")
                               "\r\n\r\n")))

;; The pieces of it; none once it has failed, which the log explains.
(define (answer variables body errors limit-output)
  (call-with-values (lambda () (make-page-output limit-output))
    (lambda (port contents discard)
      (define (finish)
        (let ((decision (or (decided) (current-response))))
          (cond ((string? decision) (list (string->utf8 (format #f "Location: ~a\r\n\r\n" decision))))
                ((pair? decision) decision)
                (else (cons (head-of decision) (contents))))))
      (define (fail exception chain)
        (report-failure errors exception chain)
        (when (out-of-memory? exception) (primitive-_exit 1))
        (if (assoc-ref variables "IGROPYR_SHOWS_ERRORS")
            (list (head-of (make-response 500 #f '((content-type . "text/html")) port))
                  (string->utf8 (build-error-message exception chain)))
            '()))
      (define (run file)
        (let/ec end
          (ssp-exit-handler (lambda _ (end #t)))
          (run-file (assoc-ref variables "IGROPYR_PAGE") file variables body))
        (finish))
      (guarded fail (lambda () (with-request variables body port discard run))))))

;;; The process

;; Of this process: no page raises it again.
(define (limit-memory bytes)
  (setrlimit 'as bytes bytes)
  (setrlimit 'core 0 0))

(define* (serve connection #:key memory output seconds level)
  (set-port-encoding! connection "ISO-8859-1")
  (fluid-set! %default-port-encoding "UTF-8")
  (read-set! keywords 'postfix)
  (optimization-level level)
  (limit-memory memory)
  (let ((errors (make-error-output connection)))
    (current-error-port errors)
    (put-u8 connection (char->integer #\+))  ; It is ready.
    (force-output connection)
    (let next ()
      (call-with-values (lambda () (read-request connection))
        (lambda (variables body)
          (alarm seconds)  ; Should the server be gone, nobody else would end a page.
          (for-each (lambda (piece) (write-output connection piece)) (answer variables body errors output))
          (alarm 0)
          (write-end connection)
          (next))))))

;; Of a program: the settings that it has made, a line each, or behind an exclamation mark what is wrong with it.
(define (tell-settings connection file)
  (define (line setting) (format #f "~a=~a\n" (car setting) (cdr setting)))
  (fluid-set! %default-port-encoding "UTF-8")
  (set-port-encoding! connection "UTF-8")
  (display (guarded (lambda (exception chain) (string-append "!" (failure-text exception chain)))
                    (lambda () (string-concatenate (map line (third (program file))))))
           connection)
  (force-output connection)
  (primitive-_exit 0))
