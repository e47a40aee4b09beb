#include <errmsg.h>
#include <mysql.h>
