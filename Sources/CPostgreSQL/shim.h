#include <libpq-fe.h>

// Field codes of an error are character literals, which Swift does not import; no logic.

static const int igropyr_PG_DIAG_SEVERITY_NONLOCALIZED = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int igropyr_PG_DIAG_SQLSTATE = PG_DIAG_SQLSTATE;
static const int igropyr_PG_DIAG_MESSAGE_PRIMARY = PG_DIAG_MESSAGE_PRIMARY;
static const int igropyr_PG_DIAG_MESSAGE_DETAIL = PG_DIAG_MESSAGE_DETAIL;
static const int igropyr_PG_DIAG_MESSAGE_HINT = PG_DIAG_MESSAGE_HINT;
static const int igropyr_PG_DIAG_CONSTRAINT_NAME = PG_DIAG_CONSTRAINT_NAME;
static const int igropyr_PG_DIAG_STATEMENT_POSITION = PG_DIAG_STATEMENT_POSITION;
