;; A program for Igropyr's first edition, as its manual has it: igropyr serve --scheme Examples/Site/hello.scm
(import (igropyr http))

(define get
  (lambda (header path query)
    (response 200 "text/plain" "Hello World")))
(define post
  (lambda (header path payload)
    (response 200 "text/plain" "Hello World")))

(server
  (request get)
  (request post)
  (set)
  (listen "127.0.0.1" 8080))
