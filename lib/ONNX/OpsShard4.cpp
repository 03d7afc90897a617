#define GET_OP_DEFS_4
#include "OpsShard.h"
