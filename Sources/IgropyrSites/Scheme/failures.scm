;;; What went wrong in a page, and where.

(define-module (igropyr failures)
  #:use-module (igropyr spiffy)
  #:use-module (ice-9 control)
  #:use-module (ice-9 exceptions)
  #:use-module (srfi srfi-1)
  #:use-module (system vm frame)
  #:use-module (system vm program)
  #:use-module (system vm vm)
  #:export (guarded failure-text report-failure build-error-message out-of-memory?))

(define limit-frames 20)
;; Words of the stack; beyond that recursion has no end.
(define limit-stack 4000000)

;; Calls the procedure; what is raised in it and not handled there goes to the other, with its chain of calls. (exit) ends a page.
(define (guarded fail run)
  (let/ec return
    (with-exception-handler
        (lambda (exception)
          (when (and (quit? exception) (ssp-exit-handler)) ((ssp-exit-handler)))
          (return (fail exception (call-chain))))
      (lambda ()
        (call-with-stack-overflow-handler
         limit-stack run
         (lambda () (error "the page calls itself without end")))))))

;; (("/srv/web/a.ssp" . 3) . procedure) ..., innermost first: of calls whose place in a file of the site is known.
(define (call-chain)
  (let ((stack (make-stack #t)))
    (let next ((index 0) (chain '()))
      (if (or (= index (stack-length stack)) (= (length chain) limit-frames))
          (reverse chain)
          (let* ((frame (stack-ref stack index)) (source (frame-source frame))
                 (file (and source (source:file source))))
            (next (+ index 1)
                  (if (and file (string-prefix? "/" file))
                      (acons (cons file (source:line-for-user source)) (frame-procedure-name frame) chain)
                      chain)))))))

;; By (exit).
(define (quit? exception)
  (and (exception? exception) (eq? (exception-kind exception) 'quit)))

(define (place call) (format #f "~a:~a" (caar call) (cdar call)))

(define (message-of exception)
  (string-trim-both
   (call-with-output-string
     (lambda (port)
       (if (exception? exception)
           (print-exception port #f (exception-kind exception) (exception-args exception))
           (format port "~s was thrown" exception))))))

(define (failure-text exception chain)
  (string-append (if (null? chain) "" (string-append (place (car chain)) ": ")) (message-of exception)))

(define (report-failure errors exception chain)
  (format errors "~a\n" (failure-text exception chain))
  (unless (null? chain)
    (for-each (lambda (call) (format errors "  called in ~a\n" (call-text call))) (cdr chain)))
  (force-output errors))

(define (call-text call)
  (string-append (place call) (if (cdr call) (format #f " (~a)" (cdr call)) "")))

(define* (build-error-message exception chain #:optional raw?)
  (let ((message (message-of exception)) (calls (map call-text chain)))
    (if raw?
        (string-join (cons message calls) "\n")
        (string-append "<!DOCTYPE html>\n<html><head><title>Error</title></head>\n<body><h1>Error</h1>\n<pre>"
                       (htmlize message) "</pre>\n<h2>Call chain</h2>\n<ol>"
                       (string-concatenate (map (lambda (call) (string-append "<li>" (htmlize call) "</li>\n")) calls))
                       "</ol></body></html>\n"))))

;; After that, little can be relied on.
(define (out-of-memory? exception)
  (and (exception? exception) (eq? (exception-kind exception) 'out-of-memory)))
