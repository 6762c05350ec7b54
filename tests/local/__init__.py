"""Does the local stack keep its promises: nothing lost, nothing left behind, nothing assumed?"""
