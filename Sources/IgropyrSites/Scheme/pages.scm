;;; Scheme pages: HTML with Scheme between tags, translated to Scheme, compiled and kept as long as the file stays the same.

(define-module (igropyr pages)
  #:use-module (igropyr spiffy)
  #:use-module (ice-9 textual-ports)
  #:use-module (srfi srfi-1)
  #:use-module (system base compile)
  #:export (page-tags optimization-level translate-page page-code file-code ssp-include ssp-stringize))

;; How fragments begin, whose value is shown; how others begin; how both end.
(define page-tags (make-parameter '("<?" "<?scheme" "?>")))

;; With 0 a chain of calls has all of them.
(define optimization-level (make-parameter 1))

;;; Translation

(define (count-newlines text) (string-count text #\newline))

(define (refuse file line text . rest)
  (scm-error 'misc-error #f "~A:~A: ~A" (list file line (apply format #f text rest)) #f))

;; One text of Scheme, whose lines are those of the file, so that errors name them: text becomes a literal with its line ends in it.
(define (translate-page source file)
  (let* ((tags (page-tags)) (short (first tags)) (long (second tags)) (close (third tags)))
    (define (fragment start open)
      (let* ((begin (+ start (string-length open))) (end (string-contains source close begin)))
        (unless end
          (refuse file (+ 1 (count-newlines (substring source 0 start))) "a ~a has no ~a" open close))
        (values (substring source begin end) (+ end (string-length close)))))
    (call-with-output-string
      (lambda (out)
        ;; Lines that were put between and are to be made good for.
        (let next ((position 0) (debt 0))
          (let* ((at-short (string-contains source short position))
                 (at-long (string-contains source long position))
                 (start (if (and at-short at-long) (min at-short at-long) (or at-short at-long)))
                 ;; Of two that begin in one place it is the longer.
                 (long? (and (eqv? at-long start)
                             (or (not (eqv? at-short start)) (> (string-length long) (string-length short)))))
                 (debt (write-text out (substring source position (or start (string-length source))) debt)))
            (when start
              (call-with-values (lambda () (fragment start (if long? long short)))
                (lambda (code position)
                  (next position (+ debt (write-code out code (not long?)))))))))))))

(define (write-text out text debt)
  (if (string-null? text)
      debt
      (begin
        (display " (display \"" out)
        (let ((debt (string-fold (lambda (c debt) (write-character out c debt)) debt text)))
          (display "\")" out)
          debt))))

(define (write-character out c debt)
  (cond ((memv c '(#\" #\\)) (write-char #\\ out) (write-char c out) debt)
        ((and (char=? c #\newline) (> debt 0)) (display "\\n" out) (- debt 1))
        (else (write-char c out) debt)))

;; A comment must not reach behind the fragment: then its line is ended.
(define (write-code out code shown?)
  (let* ((last-line (substring code (+ 1 (or (string-rindex code #\newline) -1))))
         (end (if (string-index last-line #\;) "\n" " "))
         (shown? (and shown? (not (string-null? (string-trim-both code))))))
    (display (if shown? " (display " " ") out)
    (display code out)
    (display end out)
    (when shown? (display ")" out))
    (count-newlines end)))

;;; Compiling

(define (page-module)
  (let ((module (make-fresh-user-module)))
    (set-module-duplicates-handlers! module (lookup-duplicates-handlers '(replace last)))
    (module-use-interfaces! module (map resolve-interface '((igropyr spiffy) (igropyr pages) (ice-9 format))))
    module))

(define (read-all text file)
  (let ((port (open-input-string text)))
    (set-port-filename! port file)
    (let next ((forms '()))
      (let ((form (read-syntax port)))
        (if (eof-object? form) (reverse forms) (next (cons form forms)))))))

;; A form that has other modules at hand: these are for the compiler.
(define (import? form)
  (let ((datum (syntax->datum form)))
    (and (pair? datum) (memq (car datum) '(use-modules import)))))

(define (compile-forms forms)
  (let ((module (page-module)))
    (call-with-values (lambda () (partition import? forms))
      (lambda (imports forms)
        (save-module-excursion
         (lambda ()
           (set-current-module module)
           (for-each (lambda (form) (primitive-eval form)) imports)
           (catch 'syntax-error
             (lambda ()
               (compile (procedure-of forms)
                        #:env module #:to 'value #:optimization-level (optimization-level) #:warning-level 0))
             (lambda (key who what . _) (refuse-syntax what forms)))))))))

(define (procedure-of forms)
  `(lambda () ,@forms ,@(if (null? forms) (list unspecified-form) '())))

;; Guile does not always say where: it is the first form that is wrong by itself.
(define (refuse-syntax what forms)
  (define (wrong? form)
    (catch 'syntax-error
      (lambda () (macroexpand (procedure-of (list form unspecified-form))) #f)
      (const #t)))
  (let* ((form (or (find wrong? forms) (first forms))) (source (syntax-source form)))
    (refuse (assq-ref source 'filename) (+ 1 (assq-ref source 'line)) "~a: ~s" what (syntax->datum form))))

(define unspecified-form '(if #f #f))

;; A procedure that writes the page.
(define (page-code file)
  (file-code file (lambda (text) (append (read-all (translate-page text file) file) (list unspecified-form)))))

;; A procedure that has the value of the last expression in the file.
(define* (file-code file #:optional (forms-of (lambda (text) (read-all text file))))
  (let* ((status (stat file)) (key (cons file (page-tags))) (kept (hash-ref codes key)))
    (if (and kept (equal? (car kept) (identity-of status)))
        (cdr kept)
        (let* ((forms (forms-of (call-with-input-file file get-string-all #:encoding "UTF-8")))
               (code (compile-forms forms)))
          (keep key status code)
          code))))

;;; Kept codes

(define codes (make-hash-table))
(define limit-codes 256)
;; The clock of file systems ticks so that two changes may look like one; only what is older is kept.
(define settling-seconds 2)

(define (identity-of status)
  (list (stat:dev status) (stat:ino status) (stat:size status)
        (stat:mtime status) (stat:mtimensec status) (stat:ctime status) (stat:ctimensec status)))

(define (keep key status code)
  (when (>= (hash-count (const #t) codes) limit-codes) (hash-clear! codes))
  (if (<= (+ (stat:ctime status) settling-seconds) (current-time))
      (hash-set! codes key (cons (identity-of status) code))
      (hash-remove! codes key)))

;;; Parts of pages

;; The file as a path without links, which has to lie beneath the root.
(define (path-of name)
  (let* ((path (if (string-prefix? "/" name)
                   (string-append (root-path) name)
                   (string-append (current-workdir) "/" name)))
         (path (canonicalize-path path)))
    (unless (string-prefix? (string-append (root-path) "/") path)
      (error "a page may include what lies within the root only:" name))
    path))

(define (ssp-include name)
  ((page-code (path-of name))))

(define (ssp-stringize name)
  (with-output-to-string (lambda () (ssp-include name))))
