def require_verified(source): pass
