;;; Records of FastCGI 1.0 as a responder reads and writes them, one request at a time.

(define-module (igropyr records)
  #:use-module (ice-9 binary-ports)
  #:use-module (rnrs bytevectors)
  #:use-module (srfi srfi-1)
  #:use-module (srfi srfi-11)
  #:export (read-request write-output write-end make-error-output))

(define utf8->text (@@ (igropyr spiffy) utf8->text))

(define limit-content 65528)

(define (write-record connection type bytes start count)
  (put-bytevector connection (u8-list->bytevector
                              (list 1 type 0 1 (quotient count 256) (remainder count 256) 0 0)))
  (put-bytevector connection bytes start count))

(define (write-output connection bytes)
  (let next ((start 0))
    (let ((count (min limit-content (- (bytevector-length bytes) start))))
      (when (> count 0)
        (write-record connection 6 bytes start count)
        (next (+ start count))))))

(define (write-end connection)
  (write-record connection 3 (make-bytevector 8 0) 0 8)
  (force-output connection))

;; A port whose lines are the server's to log.
(define (make-error-output connection)
  (define (write bytes start count)
    (let ((count (min count limit-content)))
      (write-record connection 7 bytes start count)
      count))
  (let ((port (make-custom-binary-output-port "errors" write #f #f #f)))
    (set-port-encoding! port "UTF-8")
    (setvbuf port 'line)
    port))

;; The end of what is there ends this process.
(define (read-bytes connection count)
  (if (zero? count)
      #vu8()
      (let ((bytes (get-bytevector-n connection count)))
        (if (or (eof-object? bytes) (< (bytevector-length bytes) count)) (primitive-_exit 0) bytes))))

(define (read-record connection)
  (let* ((header (read-bytes connection 8)) (content (read-bytes connection (bytevector-u16-ref header 4 'big))))
    (read-bytes connection (bytevector-u8-ref header 6))
    (values (bytevector-u8-ref header 1) content)))

(define (join-bytes pieces)
  (let ((all (make-bytevector (fold + 0 (map bytevector-length pieces)))))
    (fold (lambda (piece start)
            (bytevector-copy! piece 0 all start (bytevector-length piece))
            (+ start (bytevector-length piece)))
          0 pieces)
    all))

;; The variables and the body of the next request.
(define (read-request connection)
  (let next ((parameters '()) (body '()))
    (call-with-values (lambda () (read-record connection))
      (lambda (type content)
        (cond ((= type 4) (next (cons content parameters) body))
              ((not (= type 5)) (next parameters body))
              ((> (bytevector-length content) 0) (next parameters (cons content body)))
              (else (values (parse-variables (join-bytes (reverse parameters))) (join-bytes (reverse body)))))))))

(define (parse-variables bytes)
  (define (parse-length at)
    (let ((first (bytevector-u8-ref bytes at)))
      (if (< first 128)
          (values first (+ at 1))
          (values (logand (bytevector-u32-ref bytes at 'big) #x7FFFFFFF) (+ at 4)))))
  (define (text start count)
    (let ((part (make-bytevector count)))
      (bytevector-copy! bytes start part 0 count)
      (utf8->text part)))
  (let next ((at 0) (variables '()))
    (if (= at (bytevector-length bytes))
        variables
        (let*-values (((name-count at) (parse-length at)) ((value-count at) (parse-length at)))
          (next (+ at name-count value-count)
                (acons (text at name-count) (text (+ at name-count) value-count) variables))))))
