"""Making backbones of networks from elsewhere: found, cut, traced, compared, put into place."""
