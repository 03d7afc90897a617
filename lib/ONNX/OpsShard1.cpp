#define GET_OP_DEFS_1
#include "OpsShard.h"
