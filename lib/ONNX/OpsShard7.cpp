#define GET_OP_DEFS_7
#include "OpsShard.h"
