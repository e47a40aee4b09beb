;; The value of the last expression is the page.
(use-modules (srfi srfi-1))

(define (prime? n)
  (not (any (lambda (d) (zero? (remainder n d))) (iota (max 0 (- n 2)) 2))))

`((*DECL* DOCTYPE html)
  (html (@ (lang "en"))
        (head (meta (@ (charset "utf-8"))) (title "Primes"))
        (body (h1 "Primes < 50")
              (p ,@(map (lambda (n) (format #f "~a " n)) (filter prime? (iota 48 2))))
              (*verbatim* ,(ssp-stringize "footer.ssp")))))
