#define GET_OP_DEFS_5
#include "OpsShard.h"
