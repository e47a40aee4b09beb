;;; From here on all is compiled, since each request goes through it. The rest would take longer to compile than that would spare;
;;; the compiler itself is needed for the first page anyway.

(set! (@@ (guile-user) run)
      (lambda (form)
        (if (eq? (car form) 'define-module)
            (primitive-eval form)
            ((@ (system base compile) compile) form #:env (current-module) #:to 'value
             #:optimization-level 1 #:warning-level 0))))
