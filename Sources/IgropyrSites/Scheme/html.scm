;;; HTML of s-expressions (SXML).

(define-module (igropyr html)
  #:use-module (igropyr spiffy)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-11)
  #:export (write-html))

;; Elements that have no end tag (HTML, 13.1.2).
(define void-elements '(area base br col embed hr img input link meta source track wbr))
;; Elements whose text is not escaped.
(define raw-elements '(script style))

;; (p (@ (class "a")) "text" ...), a list of these, text, a number, and:
;; (*DECL* DOCTYPE html), (*COMMENT* "text"), (*verbatim* "<b>as it is</b>").
(define (write-html node)
  (cond ((null? node) #t)
        ((not (pair? node)) (write-text node htmlize))
        ((not (symbol? (car node))) (for-each write-html node))
        (else
         (case (car node)
           ((*TOP*) (for-each write-html (cdr node)))
           ((*DECL*) (display "<!") (write-words (cdr node)) (display ">"))
           ((*COMMENT*) (display "<!--") (write-words (map without-dashes (cdr node))) (display "-->"))
           ((*verbatim*) (for-each display (cdr node)))
           (else (write-element (car node) (cdr node)))))))

(define (write-text value escape)
  (cond ((string? value) (display (escape value)))
        ((or (number? value) (symbol? value) (char? value)) (display (escape (format #f "~a" value))))
        ((eq? value #f) #f)
        ((unspecified? value) #f)
        (else (error "no part of a page of s-expressions:" value))))

(define (write-words words)
  (display (string-join (map (lambda (word) (format #f "~a" word)) words) " ")))

;; Two dashes could end a comment.
(define (without-dashes word)
  (string-map (lambda (c) (if (memv c '(#\- #\>)) #\space c)) (format #f "~a" word)))

(define (attributes? node) (and (pair? node) (eq? (car node) '@)))

(define (write-element name contents)
  (let-values (((attributes children) (partition attributes? contents)))
    (display "<")
    (write-name name)
    (for-each write-attribute (append-map cdr attributes))
    (display ">")
    (unless (memq name void-elements)
      (for-each (if (memq name raw-elements) (lambda (text) (write-text text identity)) write-html) children)
      (display "</")
      (write-name name)
      (display ">"))))

;; (name value), or (name) for what is merely there.
(define (write-attribute attribute)
  (display " ")
  (write-name (car attribute))
  (unless (null? (cdr attribute))
    (display "=\"")
    (for-each (lambda (value) (write-text value htmlize)) (cdr attribute))
    (display "\"")))

(define not-in-names (string->char-set " \t\n\r\"'<>/=&"))

(define (write-name name)
  (let ((text (symbol->string name)))
    (when (or (string-null? text) (string-any not-in-names text)) (error "no name of an element or attribute:" name))
    (display text)))
